/// The attention of a batch whose sequences may differ in length: calls one after the other on consecutive rows of the same
/// packed tensor, a call for each pattern. All have the same heads.
package struct AttentionCalls: Hashable, Sendable {
  /// One call, and where its rows lie.
  package struct Call: Hashable, Sendable {
    package let shape: AttentionShape
    /// Of the packed tensor.
    package let rows: Range<Int>
    /// Of the output, which has the rows with queries alone.
    package let outputRows: Range<Int>

    /// The rows of the packed tensor that have queries.
    var queryRows: Range<Int> {
      rows.lowerBound + shape.queryRows.lowerBound..<rows.lowerBound + shape.queryRows.upperBound
    }
  }

  package let calls: [Call]

  package init(_ shapes: [AttentionShape]) {
    precondition(Set(shapes.map(\.heads)).count <= 1, "attention: calls of different heads")
    var calls: [Call] = []
    var (row, output) = (0, 0)
    for shape in shapes {
      calls.append(
        Call(
          shape: shape, rows: row..<row + shape.rowCount, outputRows: output..<output + shape.queryRows.count))
      row += shape.rowCount
      output += shape.queryRows.count
    }
    self.calls = calls
  }

  /// Rows of keys and values.
  package var rowCount: Int { calls.last?.rows.upperBound ?? 0 }
  /// Rows of the output.
  package var outputCount: Int { calls.last?.outputRows.upperBound ?? 0 }
  /// The rows that have queries; nil if all have.
  package var queryRows: [Range<Int>]? { outputCount == rowCount ? nil : calls.map(\.queryRows) }
}
