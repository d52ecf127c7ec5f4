/// Rows of cells under a head, in columns as wide as their widest cell: texts to the left, then numbers to the right.
struct TextTable {
  private var rows: [[String]]
  private let textColumns: Int

  /// - Parameter textColumns: how many columns at the left hold texts.
  init(_ head: [String], textColumns: Int = 0) {
    rows = [head]
    self.textColumns = textColumns
  }

  mutating func add(_ cells: [String]) {
    precondition(cells.count == rows[0].count, "table: \(cells.count) cells under \(rows[0].count) heads")
    rows.append(cells)
  }

  /// All lines, the last without a newline.
  var text: String {
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      row.indices.map { column in
        let cell = row[column]
        return column < textColumns
          ? cell + String(repeating: " ", count: widths[column] - cell.count) : cell.padded(to: widths[column])
      }.joined(separator: "  ").trimmingSuffix(" ")
    }.joined(separator: "\n")
  }
}

extension String {
  /// With spaces before it up to a width: as numbers stand in a column.
  func padded(to width: Int) -> String {
    String(repeating: " ", count: max(0, width - count)) + self
  }

  fileprivate func trimmingSuffix(_ character: Character) -> String {
    var text = self
    while text.last == character { text.removeLast() }
    return text
  }
}
