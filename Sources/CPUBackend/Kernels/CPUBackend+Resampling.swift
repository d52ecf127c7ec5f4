package import TensorCore

extension CPUBackend {
  package func resampleColumns(of x: Tensor, to y: Tensor) {
    precondition(x.rowCount == y.rowCount, "resample: \(x.shape) to \(y.shape)")
    guard x.shape != y.shape else {
      forEachBlock(of: x.count, by: Self.blockElements) { _, range in
        unsafe (y.address + range.lowerBound).update(from: x.address + range.lowerBound, count: range.count)
      }
      return
    }
    unsafe forEachResampledRow(from: x.rowWidth, to: y.rowWidth, rowCount: x.rowCount) { row, lower, fraction in
      let from = unsafe x.address + row * x.rowWidth
      let next = unsafe from + (x.rowWidth > 1 ? 1 : 0)
      let to = unsafe y.address + row * y.rowWidth
      for i in 0..<y.rowWidth {
        unsafe to[i] = unsafe (1 - fraction[i]) * from[Int(lower[i])] + fraction[i] * next[Int(lower[i])]
      }
    }
  }

  package func accumulateResampleGradient(_ yGradient: Tensor, into xGradient: Tensor) {
    precondition(
      yGradient.rowCount == xGradient.rowCount, "resample gradient: \(yGradient.shape) into \(xGradient.shape)")
    guard yGradient.shape != xGradient.shape else { return add(yGradient, to: xGradient) }
    let (wide, narrow) = (xGradient.rowWidth, yGradient.rowWidth)
    unsafe forEachResampledRow(from: wide, to: narrow, rowCount: yGradient.rowCount) { row, lower, fraction in
      let from = unsafe yGradient.address + row * narrow
      let to = unsafe xGradient.address + row * wide
      let next = unsafe to + (wide > 1 ? 1 : 0)
      for i in 0..<narrow {
        let upper = unsafe fraction[i] * from[i]
        unsafe to[Int(lower[i])] += from[i] - upper
        unsafe next[Int(lower[i])] += upper
      }
    }
  }

  /// Calls `body` for each row. Element `i` of the `count` lies `fraction[i]` of the way from element `lower[i]` of
  /// the `width` to the next one, which there is unless `width` is 1.
  private func forEachResampledRow(
    from width: Int, to count: Int, rowCount: Int,
    _ body: (_ row: Int, _ lower: UnsafePointer<Int32>, _ fraction: UnsafePointer<Float>) -> Void
  ) {
    guard count > 0 else { return }
    precondition(width > 0, "resample: \(width) columns to \(count)")
    unsafe withScratch(Int32.self, count: count) { lower in
      unsafe withScratch(Float.self, count: count) { fraction in
        for i in 0..<count {
          // Double precision: with tens of thousands of columns a float has too few bits for the fraction.
          let position = max(0, (Double(i) + 0.5) * Double(width) / Double(count) - 0.5)
          let below = max(0, min(Int(position), width - 2))
          unsafe lower[i] = Int32(below)
          unsafe fraction[i] = width == 1 ? 0 : Float(min(1, position - Double(below)))
        }
        forEachRowBlock(of: rowCount, width: count) { rows in
          for row in rows { unsafe body(row, lower, fraction) }
        }
      }
    }
  }
}
