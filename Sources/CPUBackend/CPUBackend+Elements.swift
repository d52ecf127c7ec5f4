internal import CKernels
package import TensorCore

extension CPUBackend {
  package func fill(_ x: Tensor, with value: Float) {
    forEachBlock(of: x.count, by: Self.blockElements) { _, range in
      kernels.fill(x.address + range.lowerBound, value, range.count)
    }
  }

  package func add(_ x: Tensor, to y: Tensor) {
    precondition(x.count == y.count, "add: \(x.shape) to \(y.shape)")
    forEachBlock(of: x.count, by: Self.blockElements) { _, range in
      kernels.add(x.address + range.lowerBound, y.address + range.lowerBound, range.count)
    }
  }

  package func scale(_ x: Tensor, by factor: Float) {
    forEachBlock(of: x.count, by: Self.blockElements) { _, range in
      kernels.scale(x.address + range.lowerBound, factor, range.count)
    }
  }

  package func addBias(_ bias: Tensor, to y: Matrix) {
    precondition(bias.count == y.columnCount, "bias: \(bias.shape) to \(y.columnCount) columns")
    forEachRowBlock(of: y.rowCount, width: y.columnCount) { rows in
      for row in rows { kernels.add(bias.address, y.address + row * y.stride, y.columnCount) }
    }
  }

  package func accumulateColumnSums(of x: Matrix, into sums: Tensor) {
    precondition(sums.count == x.columnCount, "column sums: \(x.columnCount) columns into \(sums.shape)")
    addRowBlockSums(rowCount: x.rowCount, width: x.columnCount, to: sums.address) { rows, partial in
      kernels.add_rows(x.address + rows.lowerBound * x.stride, rows.count, x.columnCount, x.stride, partial)
    }
  }

  package func sum(_ x: Tensor) -> Double {
    sumOfBlocks(of: x.count) { range in kernels.sum(x.address + range.lowerBound, range.count) }
  }

  package func sumOfSquares(_ x: Tensor) -> Double {
    sumOfBlocks(of: x.count) { range in kernels.sum_of_squares(x.address + range.lowerBound, range.count) }
  }
}
