/// Rows of cells under a head, as HTML that scrolls sideways where there is no room for it.
struct HTMLTable: Sendable {
  private let head: [String]
  private var rows: [[String]] = []

  init(_ head: [String]) {
    self.head = head
  }

  var isEmpty: Bool { rows.isEmpty }

  /// - Parameter cells: one for each of the head's; nil is a dash.
  mutating func add(_ cells: [String?]) {
    precondition(cells.count == head.count, "table: \(cells.count) cells under \(head.count) heads")
    rows.append(cells.map { $0 ?? "–" })
  }

  var html: String {
    let names = head.map { "<th scope=\"col\">\($0.escaped)</th>" }.joined()
    let lines = rows.map { cells in
      "<tr><th scope=\"row\">\(cells[0].escaped)</th>"
        + cells.dropFirst().map { "<td>\($0.escaped)</td>" }.joined() + "</tr>"
    }
    return """
      <div class="scroll" tabindex="0" role="region" aria-label="table"><table>
      <thead><tr>\(names)</tr></thead>
      <tbody>
      \(lines.joined(separator: "\n"))
      </tbody>
      </table></div>
      """
  }
}
