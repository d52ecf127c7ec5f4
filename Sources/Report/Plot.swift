internal import Foundation

/// Why something cannot be drawn.
package struct PlotError: Error, CustomStringConvertible {
  package let description: String
}

/// A picture of points in series, as SVG: for results that are traded against each other.
package struct Plot: Sendable {
  package struct Point: Hashable, Sendable {
    package let x: Double
    package let y: Double
    /// What stands beside the point; may be empty.
    package let label: String
    /// Whether there is a ring around its dot.
    var isRinged = false

    package init(x: Double, y: Double, label: String) {
      self.x = x
      self.y = y
      self.label = label
    }
  }

  /// Points of one origin, joined by a line in the order of `x`.
  package struct Series: Hashable, Sendable {
    package let name: String
    package let points: [Point]
    /// Whether each point has a dot beside the line.
    let hasDots: Bool
    /// Which of the colours; nil: that of its place among the series.
    let color: Int?
    /// Whether the line stands behind others of its colour.
    let isFaint: Bool

    package init(name: String, points: [Point], hasDots: Bool = true, color: Int? = nil, isFaint: Bool = false) {
      self.name = name
      self.hasDots = hasDots
      self.color = color
      self.isFaint = isFaint
      self.points = points.sorted { ($0.x, $0.y) < ($1.x, $1.y) }
    }
  }

  /// What an axis says, and how its marks are written.
  package struct Caption: Sendable {
    let text: String
    let scale: PlotAxis.Scale
    let mark: @Sendable (Double) -> String

    package init(_ text: String, scale: PlotAxis.Scale = .linear, mark: @escaping @Sendable (Double) -> String) {
      self.text = text
      self.scale = scale
      self.mark = mark
    }
  }

  private let title: String
  private let series: [Series]
  private let (horizontal, vertical): (Caption, Caption)
  private let (xAxis, yAxis): (PlotAxis, PlotAxis)

  /// Where a picture is shown.
  package enum Medium: Sendable {
    /// In a file of its own, which says all.
    case file
    /// In a page, which says beside it whose colours are whose, and gives it classes: `grid`, and `run0` and so on for what
    /// is in a colour.
    case page

    fileprivate var size: (width: Double, height: Double) { self == .file ? (720, 440) : (440, 300) }
    fileprivate var frame: (left: Double, right: Double, top: Double, bottom: Double) {
      self == .file ? (80, 690, 50, 380) : (80, 410, 40, 245)
    }
  }

  private let medium: Medium
  private var size: (width: Double, height: Double) { medium.size }
  private var frame: (left: Double, right: Double, top: Double, bottom: Double) { medium.frame }

  /// Told apart by people who see fewer colours, too.
  static let colors = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"]

  /// - Parameter series: at least one point among them; no value that is no number.
  package init(title: String, series: [Series], horizontal: Caption, vertical: Caption, medium: Medium = .file) {
    self.title = title
    self.medium = medium
    self.series = series
    self.horizontal = horizontal
    self.vertical = vertical
    let points = series.flatMap(\.points)
    xAxis = PlotAxis(points.map(\.x), scale: horizontal.scale)
    yAxis = PlotAxis(points.map(\.y), scale: vertical.scale)
  }

  /// The picture as a file's content.
  package var svg: String {
    let box = "viewBox=\"0 0 \(Self.number(size.width)) \(Self.number(size.height))\""
    let font = "font-family=\"sans-serif\" font-size=\"13\""
    let head =
      switch medium {
      case .file:
        """
        <svg xmlns="http://www.w3.org/2000/svg" \(box) \(font)>
        <rect width="100%" height="100%" fill="white"/>
        """
      case .page: "<svg role=\"img\" aria-label=\"\(title.escaped)\" \(box) \(font)>"
      }
    let heading = text(
      title, x: frame.left, y: medium == .file ? 28 : 22,
      extra: medium == .file ? "font-size=\"16\" font-weight=\"bold\"" : "font-size=\"14\" font-weight=\"bold\"")
    let names = medium == .file ? legend : []
    return ([head, heading] + marks + captions + curves + names + ["</svg>", ""]).joined(separator: "\n")
  }

  // MARK: Parts

  /// The lines of the grid with what they mean.
  private var marks: [String] {
    let columns = xAxis.ticks.flatMap { tick in
      [
        line(place(tick, nil).x, frame.top, place(tick, nil).x, frame.bottom),
        text(horizontal.mark(tick), x: place(tick, nil).x, y: frame.bottom + 20, extra: "text-anchor=\"middle\""),
      ]
    }
    let rows = yAxis.ticks.flatMap { tick in
      [
        line(frame.left, place(nil, tick).y, frame.right, place(nil, tick).y),
        text(vertical.mark(tick), x: frame.left - 8, y: place(nil, tick).y + 4, extra: "text-anchor=\"end\""),
      ]
    }
    return columns + rows
  }

  private var captions: [String] {
    let (middleX, middleY) = ((frame.left + frame.right) / 2, (frame.top + frame.bottom) / 2)
    let left = medium == .file ? 20.0 : 16
    let turned = "text-anchor=\"middle\" transform=\"rotate(-90 \(Self.number(left)) \(Self.number(middleY)))\""
    return [
      text(horizontal.text, x: middleX, y: frame.bottom + (medium == .file ? 45 : 42), extra: "text-anchor=\"middle\""),
      text(vertical.text, x: left, y: middleY, extra: turned),
    ]
  }

  private var curves: [String] {
    series.enumerated().flatMap { index, series -> [String] in
      let (color, group) = (color(of: series, at: index), group(of: series, at: index))
      let places = series.points.map { place($0.x, $0.y) }
      let path = places.map { "\(Self.number($0.x)),\(Self.number($0.y))" }.joined(separator: " ")
      let dots = zip(series.points, places).flatMap { point, place -> [String] in
        guard series.hasDots else { return [] }
        let at = "cx=\"\(Self.number(place.x))\" cy=\"\(Self.number(place.y))\""
        let value = medium == .file ? "/>" : "><title>\(described(point, of: series).escaped)</title></circle>"
        let ring = "<circle \(at) r=\"8\" class=\"front run\(series.color ?? index)\" fill=\"none\" stroke=\"#222\"/>"
        return (point.isRinged ? [ring] : []) + [
          "<circle \(at) r=\"\(medium == .file ? "4.5" : "3.5")\"\(group) fill=\"\(color)\"" + value,
          text(point.label, x: place.x + 8, y: place.y - 7, extra: "fill=\"\(color)\"" + group),
        ]
      }
      let width = series.isFaint ? "stroke-width=\"1\" stroke-opacity=\"0.5\"" : "stroke-width=\"1.5\""
      return ["<polyline points=\"\(path)\" fill=\"none\"\(group) stroke=\"\(color)\" \(width)/>"] + dots
    }
  }

  /// The points in numbers, of a long line some of them.
  var table: HTMLTable {
    var table = HTMLTable(["", horizontal.text, vertical.text])
    for series in series {
      let step = max(1, series.points.count / 20)
      for index in stride(from: 0, to: series.points.count, by: step) {
        let point = series.points[index]
        let name = point.label.isEmpty ? series.name : "\(series.name), \(point.label)"
        table.add([name, horizontal.mark(point.x), vertical.mark(point.y)])
      }
    }
    return table
  }

  /// A point in words, such as `dense, C = 4: 1.2 MiB, 2.31`.
  private func described(_ point: Point, of series: Series) -> String {
    let name = point.label.isEmpty ? series.name : "\(series.name), \(point.label)"
    return "\(name): \(horizontal.mark(point.x)), \(vertical.mark(point.y))"
  }

  private func color(of series: Series, at index: Int) -> String {
    Self.colors[(series.color ?? index) % Self.colors.count]
  }

  /// In a page, the class of what is in a colour.
  private func group(of series: Series, at index: Int) -> String {
    medium == .page ? " class=\"run\(series.color ?? index)\"" : ""
  }

  /// The names of the series in their colours, at the top right.
  private var legend: [String] {
    series.enumerated().map { index, series in
      let color = color(of: series, at: index)
      let place = (x: frame.right - 8, y: frame.top + 18 + 18 * Double(index))
      return text(series.name, x: place.x, y: place.y, extra: "text-anchor=\"end\" fill=\"\(color)\"")
    }
  }

  // MARK: Pieces

  /// Where values lie in the picture; the frame's corner for an axis without a value.
  private func place(_ x: Double?, _ y: Double?) -> (x: Double, y: Double) {
    (
      frame.left + (x.map(xAxis.position) ?? 0) * (frame.right - frame.left),
      frame.bottom - (y.map(yAxis.position) ?? 0) * (frame.bottom - frame.top)
    )
  }

  private func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double) -> String {
    let ends = zip(["x1", "y1", "x2", "y2"], [x1, y1, x2, y2]).map { "\($0)=\"\(Self.number($1))\"" }
    let group = medium == .page ? " class=\"grid\"" : ""
    return "<line \(ends.joined(separator: " "))\(group) stroke=\"#ddd\"/>"
  }

  private func text(_ text: String, x: Double, y: Double, extra: String) -> String {
    "<text x=\"\(Self.number(x))\" y=\"\(Self.number(y))\" \(extra)>\(text.escaped)</text>"
  }

  private static func number(_ value: Double) -> String { String(format: "%.1f", value) }
}

extension String {
  /// As XML and HTML have it, in text and in attributes.
  var escaped: String {
    replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;").replacing(
      "\"", with: "&quot;")
  }
}
