package import TensorCore

extension ReferenceBackend {
  package func resampleColumns(of x: Tensor, to y: Tensor) {
    for column in 0..<y.rowWidth {
      let source = source(of: column, from: x.rowWidth, to: y.rowWidth)
      for row in 0..<y.rowCount {
        y[row, column] = (1 - source.weight) * x[row, source.left] + source.weight * x[row, source.right]
      }
    }
  }

  package func accumulateResampleGradient(_ yGradient: Tensor, into xGradient: Tensor) {
    for row in 0..<yGradient.rowCount {
      var gradients = xGradient[row: row]
      for column in 0..<yGradient.rowWidth {
        let source = source(of: column, from: xGradient.rowWidth, to: yGradient.rowWidth)
        gradients[source.left] += (1 - source.weight) * yGradient[row, column]
        gradients[source.right] += source.weight * yGradient[row, column]
      }
      xGradient[row: row] = gradients
    }
  }

  /// The two columns that a resampled one lies between, and the weight of the right one.
  private func source(
    of column: Int, from wide: Int, to narrow: Int
  ) -> (left: Int, right: Int, weight: Double) {
    let centre = max(0, (Double(column) + 0.5) * Double(wide) / Double(narrow) - 0.5)
    let left = min(Int(centre), wide - 1)
    return (left, min(left + 1, wide - 1), centre - Double(left))
  }
}
