internal import Foundation
internal import TensorCore

/// The heads of an attention call, read from `[rows, q | k | v]`, and the softmax over the rows that a query sees.
struct AttentionInputs {
  let packed: Tensor
  let shape: AttentionShape
  let tables: AttentionTables
  /// Rows that each row of `shape.queryRows` sees.
  let seen: [[Int]]

  private let rows: AttentionRows

  init(packed: Tensor, shape: AttentionShape, tables: AttentionTables) {
    self.packed = packed
    self.shape = shape
    self.tables = tables
    let rows = AttentionRows(pattern: shape.pattern, sequenceCount: shape.sequenceCount)
    self.rows = rows
    seen = shape.queryRows.map(rows.keys(seenBy:))
  }

  /// One over the root of the head width.
  var scoreScale: Double { 1 / Double(shape.headWidth).squareRoot() }

  func queryColumns(head: Int) -> Range<Int> { columns(from: head) }
  func keyColumns(head: Int) -> Range<Int> { columns(from: shape.headCount + head) }
  func valueColumns(head: Int) -> Range<Int> { columns(from: shape.headCount + shape.keyValueHeadCount + head) }

  /// Query heads that read key/value head `head`.
  func queryHeads(readingKeyHead head: Int) -> Range<Int> {
    let groupSize = shape.headCount / shape.keyValueHeadCount
    return head * groupSize..<(head + 1) * groupSize
  }

  /// A query head of every row that has queries.
  func queries(head: Int) -> [RotatedHead] {
    shape.queryRows.map { self.head(row: $0, columns: queryColumns(head: head), norm: tables.queryNorm) }
  }

  /// A key head of every row.
  func keys(head: Int) -> [RotatedHead] {
    (0..<shape.rowCount).map { self.head(row: $0, columns: keyColumns(head: head), norm: tables.keyNorm) }
  }

  /// A value head of every row.
  func values(head: Int) -> [[Double]] {
    (0..<shape.rowCount).map { packed[$0, valueColumns(head: head)] }
  }

  /// Attention weights of a query over the keys it sees, and the log of the sum of exponentials of its scores.
  func softmax(_ query: RotatedHead, over keys: [RotatedHead]) -> (weights: [Double], logSumExp: Double) {
    softmax(keys.map { dot(query.rotated, $0.rotated) * scoreScale })
  }

  func softmax(_ scores: [Double]) -> (weights: [Double], logSumExp: Double) {
    let largest = scores.reduce(-.infinity, max)
    let logSumExp = largest + log(scores.reduce(0) { $0 + exp($1 - largest) })
    return (scores.map { exp($0 - logSumExp) }, logSumExp)
  }

  private func head(row: Int, columns: Range<Int>, norm: Tensor?) -> RotatedHead {
    RotatedHead(packed[row, columns], norm: norm, tables: tables, position: rows.position(of: row))
  }

  private func columns(from head: Int) -> Range<Int> {
    head * shape.headWidth..<(head + 1) * shape.headWidth
  }
}
