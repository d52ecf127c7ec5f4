package import TensorCore

extension ReferenceBackend {
  package func multiply(_ a: Matrix, _ b: Matrix, into c: Matrix, scale: Float, accumulate: Bool) {
    precondition(!c.isTransposed, "multiply: into a transposed view")
    let rows = a.isTransposed ? columns(of: a) : rows(of: a)
    let columns = b.isTransposed ? self.rows(of: b) : columns(of: b)
    precondition(
      rows.count == c.rowCount && columns.count == c.columnCount,
      "multiply: \(rows.count) × \(columns.count) into \(c.rowCount) × \(c.columnCount)")
    for (i, row) in rows.enumerated() {
      for (j, column) in columns.enumerated() {
        let product = Double(scale) * dot(row, column)
        c[i, j] = accumulate ? c[i, j] + product : product
      }
    }
  }

  private func rows(of matrix: Matrix) -> [[Double]] {
    (0..<matrix.rowCount).map { row in (0..<matrix.columnCount).map { matrix[row, $0] } }
  }

  private func columns(of matrix: Matrix) -> [[Double]] {
    (0..<matrix.columnCount).map { column in (0..<matrix.rowCount).map { matrix[$0, column] } }
  }
}
