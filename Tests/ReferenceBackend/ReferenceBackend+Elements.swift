package import TensorCore

extension ReferenceBackend {
  package func fill(_ x: Tensor, with value: Float) {
    for i in 0..<x.count { x[i] = Double(value) }
  }

  package func add(_ x: Tensor, to y: Tensor) {
    for i in 0..<y.count { y[i] += x[i] }
  }

  package func scale(_ x: Tensor, by factor: Float) {
    for i in 0..<x.count { x[i] *= Double(factor) }
  }

  package func addBias(_ bias: Tensor, to y: Matrix) {
    for row in 0..<y.rowCount {
      for column in 0..<y.columnCount { y[row, column] += bias[column] }
    }
  }

  package func accumulateColumnSums(of x: Matrix, into sums: Tensor) {
    for column in 0..<x.columnCount {
      var total = 0.0
      for row in 0..<x.rowCount { total += x[row, column] }
      sums[column] += total
    }
  }

  package func accumulateSum(of x: Tensor, into total: Tensor) {
    var sum = 0.0
    for i in 0..<x.count { sum += x[i] }
    total[0] += sum
  }

  package func accumulateSumOfSquares(of x: Tensor, into total: Tensor) {
    var sum = 0.0
    for i in 0..<x.count { sum += x[i] * x[i] }
    total[0] += sum
  }
}
