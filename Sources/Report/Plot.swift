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

    package init(name: String, points: [Point], hasDots: Bool = true) {
      self.name = name
      self.hasDots = hasDots
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

  private static let size = (width: 720.0, height: 440.0)
  private static let frame = (left: 80.0, right: 690.0, top: 50.0, bottom: 380.0)
  /// Told apart by people who see fewer colours, too.
  private static let colors = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"]

  /// - Parameter series: at least one point among them; no value that is no number.
  package init(title: String, series: [Series], horizontal: Caption, vertical: Caption) {
    self.title = title
    self.series = series
    self.horizontal = horizontal
    self.vertical = vertical
    let points = series.flatMap(\.points)
    xAxis = PlotAxis(points.map(\.x), scale: horizontal.scale)
    yAxis = PlotAxis(points.map(\.y), scale: vertical.scale)
  }

  /// The picture as a file's content.
  package var svg: String {
    let head = """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Self.number(Self.size.width)) \
      \(Self.number(Self.size.height))" font-family="sans-serif" font-size="13">
      <rect width="100%" height="100%" fill="white"/>
      """
    let parts = [head, text(title, x: Self.frame.left, y: 28, extra: "font-size=\"16\" font-weight=\"bold\"")]
    return (parts + marks + captions + curves + legend + ["</svg>", ""]).joined(separator: "\n")
  }

  // MARK: Parts

  /// The lines of the grid with what they mean.
  private var marks: [String] {
    let frame = Self.frame
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
    let frame = Self.frame
    let (middleX, middleY) = ((frame.left + frame.right) / 2, (frame.top + frame.bottom) / 2)
    let turned = "text-anchor=\"middle\" transform=\"rotate(-90 20 \(Self.number(middleY)))\""
    return [
      text(horizontal.text, x: middleX, y: frame.bottom + 45, extra: "text-anchor=\"middle\""),
      text(vertical.text, x: 20, y: middleY, extra: turned),
    ]
  }

  private var curves: [String] {
    series.enumerated().flatMap { index, series -> [String] in
      let color = Self.colors[index % Self.colors.count]
      let places = series.points.map { place($0.x, $0.y) }
      let path = places.map { "\(Self.number($0.x)),\(Self.number($0.y))" }.joined(separator: " ")
      let dots = zip(series.points, places).flatMap { point, place -> [String] in
        guard series.hasDots else { return [] }
        return [
          "<circle cx=\"\(Self.number(place.x))\" cy=\"\(Self.number(place.y))\" r=\"4.5\" fill=\"\(color)\"/>",
          text(point.label, x: place.x + 8, y: place.y - 7, extra: "fill=\"\(color)\""),
        ]
      }
      return ["<polyline points=\"\(path)\" fill=\"none\" stroke=\"\(color)\" stroke-width=\"1.5\"/>"] + dots
    }
  }

  /// The names of the series in their colours, at the top right.
  private var legend: [String] {
    series.enumerated().map { index, series in
      let color = Self.colors[index % Self.colors.count]
      let place = (x: Self.frame.right - 8, y: Self.frame.top + 18 + 18 * Double(index))
      return text(series.name, x: place.x, y: place.y, extra: "text-anchor=\"end\" fill=\"\(color)\"")
    }
  }

  // MARK: Pieces

  /// Where values lie in the picture; the frame's corner for an axis without a value.
  private func place(_ x: Double?, _ y: Double?) -> (x: Double, y: Double) {
    let frame = Self.frame
    return (
      frame.left + (x.map(xAxis.position) ?? 0) * (frame.right - frame.left),
      frame.bottom - (y.map(yAxis.position) ?? 0) * (frame.bottom - frame.top)
    )
  }

  private func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double) -> String {
    let ends = zip(["x1", "y1", "x2", "y2"], [x1, y1, x2, y2]).map { "\($0)=\"\(Self.number($1))\"" }
    return "<line \(ends.joined(separator: " ")) stroke=\"#ddd\"/>"
  }

  private func text(_ text: String, x: Double, y: Double, extra: String) -> String {
    let escaped = text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    return "<text x=\"\(Self.number(x))\" y=\"\(Self.number(y))\" \(extra)>\(escaped)</text>"
  }

  private static func number(_ value: Double) -> String { String(format: "%.1f", value) }
}
