internal import JSON
internal import Telemetry

/// What `catlm evaluate --json` printed about one model: its quality at each chunk size, and what that costs.
package struct TradeOff: Sendable {
  /// What a picture may show along an axis.
  package enum Quantity: String, CaseIterable, Sendable {
    case loss
    case accuracy
    case cacheBytes = "cache_bytes"
    case tokensPerSecond = "tokens_per_second"
    case secondsPerToken = "seconds_per_token"

    /// What a result says of it; nil if it says nothing that can be drawn.
    func value(in row: JSONValue) -> Double? {
      let value =
        self == .secondsPerToken
        ? row[Self.tokensPerSecond.rawValue]?.numberValue.map { 1 / $0 } : row[rawValue]?.numberValue
      return value.flatMap { $0.isFinite && (scale == .linear || $0 > 0) ? $0 : nil }
    }
  }

  let name: String
  private let rows: [JSONValue]

  /// - Parameters:
  ///   - name: what the picture calls the model.
  ///   - lines: JSON objects, one a line.
  ///   - source: where they come from, for messages.
  package init(name: String, lines: String, source: String) throws(PlotError) {
    self.name = name
    var rows: [JSONValue] = []
    for (index, line) in lines.split(whereSeparator: \.isNewline).enumerated() {
      guard let row = try? JSONValue(json: String(line)), row["chunk_size"] != nil, row["loss"] != nil else {
        throw PlotError(
          description:
            "\(source) line \(index + 1): found \(line.prefix(60)), allowed: what catlm evaluate --json prints")
      }
      rows.append(row)
    }
    guard !rows.isEmpty else {
      throw PlotError(description: "\(source): found no line, allowed: what catlm evaluate --json prints")
    }
    self.rows = rows
  }

  /// The model's points, such as loss against cache bytes.
  func series(x: Quantity, y: Quantity) throws(PlotError) -> Plot.Series {
    var points: [Plot.Point] = []
    for row in rows {
      guard let xValue = x.value(in: row), let yValue = y.value(in: row) else {
        throw PlotError(description: "\(name): \(row.json()) has no \(x.rawValue) and \(y.rawValue) that can be drawn")
      }
      let label = row["chunk_size"]?.integerValue.map { "C = \($0)" } ?? ""
      points.append(Plot.Point(x: xValue, y: yValue, label: label))
    }
    return Plot.Series(name: name, points: points)
  }

  /// One picture of several models.
  ///
  /// - Parameter results: at least one.
  package static func plot(
    _ results: [TradeOff], title: String, x: Quantity, y: Quantity
  ) throws(PlotError) -> Plot {
    var series: [Plot.Series] = []
    for result in results { series.append(try result.series(x: x, y: y)) }
    return Plot(title: title, series: series, horizontal: x.caption, vertical: y.caption)
  }
}

extension TradeOff.Quantity {
  fileprivate var scale: PlotAxis.Scale { self == .cacheBytes ? .logarithmic : .linear }

  var caption: Plot.Caption {
    switch self {
    case .loss: .loss
    case .accuracy: Plot.Caption("accuracy") { Format.fixed($0, digits: 2) }
    case .cacheBytes: Plot.Caption("cache of a sequence", scale: scale) { Format.bytes(Int($0)) }
    case .tokensPerSecond: Plot.Caption("tokens a second") { Format.count($0) }
    case .secondsPerToken: Plot.Caption("microseconds a token") { Format.fixed($0 * 1e6, digits: 1) }
    }
  }
}
