extension Tape {
  /// Each row of `x` `[D, N]` linearly interpolated to `width` columns; `x` itself if it has that many.
  package func resample(_ x: Tensor, width: Int) -> Tensor {
    guard width != x.rowWidth else { return x }
    let y = output([x.rowCount, width])
    backend.resampleColumns(of: x, to: y)
    let place = x.place
    record(y, addingTo: [x]) { [self] gradient in
      guard let (xGradient, accumulates) = destination(for: place) else { return }
      if !accumulates { backend.fill(xGradient, with: 0) }
      backend.accumulateResampleGradient(gradient, into: xGradient)
    }
    return y
  }
}
