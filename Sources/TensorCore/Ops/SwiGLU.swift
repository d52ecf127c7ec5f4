extension Tape {
  /// `silu(gate) · up`.
  ///
  /// - Parameter gateUp: `[R, 2I]`, gate columns first.
  /// - Returns: `[R, I]`.
  package func swiGLU(_ gateUp: Tensor) -> Tensor {
    precondition(gateUp.rowWidth % 2 == 0, "swiGLU: odd width \(gateUp.shape)")
    precondition(gateUp.parameterGradient == nil, "swiGLU: a parameter would be overwritten in the backward pass")
    let y = output([gateUp.rowCount, gateUp.rowWidth / 2])
    backend.swiGLU(gateUp, output: y)
    record(y, addingTo: [gateUp]) { [self] gradient in
      // Nobody reads the projections again, so their gradient takes their place.
      backend.swiGLUBackward(gateUp, outputGradient: gradient, gateUpGradient: gateUp)
      contribute(Tensor(storage: gateUp.storage, offset: gateUp.offset, shape: gateUp.shape), to: gateUp)
    }
    return y
  }
}
