extension Tape {
  /// Each row of `x` `[D, N]` linearly interpolated to `width` columns; `x` itself if it has that many.
  package func resample(_ x: Tensor, width: Int) -> Tensor {
    guard width != x.rowWidth else { return x }
    let y = output([x.rowCount, width])
    backend.resampleColumns(of: x, to: y)
    record(addingTo: [x]) { [self] in
      guard let gradient = takeGradient(of: y), let (xGradient, accumulates) = destination(for: x) else { return }
      if !accumulates { backend.fill(xGradient, with: 0) }
      backend.accumulateResampleGradient(gradient, into: xGradient)
    }
    return y
  }
}
