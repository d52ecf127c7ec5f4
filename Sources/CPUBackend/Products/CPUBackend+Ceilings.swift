package import TensorCore

// What all threads can do to memory and nothing else: what benchmarks hold kernels against.
extension CPUBackend {
  /// `y = x`, elements that are equally many.
  package func copy(_ x: Tensor, to y: Tensor) {
    precondition(x.count == y.count, "copy: \(x.shape) to \(y.shape)")
    forEachBlock(of: x.count, by: Self.blockElements) { _, range in
      (y.address + range.lowerBound).update(from: x.address + range.lowerBound, count: range.count)
    }
  }

  /// `z = x + factor · y`, elements that are equally many.
  package func triad(_ x: Tensor, plus factor: Float, times y: Tensor, into z: Tensor) {
    precondition(x.count == y.count && y.count == z.count, "triad: \(x.shape), \(y.shape) into \(z.shape)")
    forEachBlock(of: x.count, by: Self.blockElements) { _, range in
      let (from, other, to) = (x.address, y.address, z.address)
      for i in range { to[i] = from[i] + factor * other[i] }
    }
  }
}
