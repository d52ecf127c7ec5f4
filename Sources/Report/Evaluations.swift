internal import JSON
internal import Telemetry

/// What the newest evaluation of a run found at each chunk size.
struct Evaluations: Sendable {
  let name: String
  /// Of one checkpoint on one source, in the order of the chunk sizes.
  let rows: [JSONValue]

  init(_ run: RunHistory) {
    name = run.name
    guard let last = run.evaluations.last(where: { $0["loss"] != nil }) else {
      rows = []
      return
    }
    let alike = run.evaluations.filter { $0["source"] == last["source"] && $0["step"] == last["step"] }
    // Of what was evaluated twice, the newer.
    var newest: [Int: JSONValue] = [:]
    for row in alike { newest[row["chunk_size"]?.integerValue ?? 0] = row }
    rows = newest.sorted { $0.key < $1.key }.map(\.value)
  }

  /// A row as cells: step, source, chunk size, loss, accuracy, tokens a second, cache.
  static func cells(_ row: JSONValue) -> [String?] {
    let fixed = { (key: String) in row[key]?.numberValue.map { Format.fixed($0, digits: 4) } }
    return [
      row["step"]?.integerValue.map { Format.grouped($0) }, row["source"]?.textValue,
      row["chunk_size"]?.integerValue.map { "\($0)" }, fixed("loss"), fixed("accuracy"),
      row["tokens_per_second"]?.numberValue.map { Format.count($0) },
      row["cache_bytes"]?.integerValue.map { Format.bytes($0) },
    ]
  }

  /// A line a run. Ringed are the points that no other beats in one value without losing in the other.
  ///
  /// - Returns: nil where no point can be drawn.
  static func plot(_ results: [Evaluations], x: TradeOff.Quantity, y: TradeOff.Quantity) -> Plot? {
    var lines = results.map { result in
      result.rows.compactMap { row -> Plot.Point? in
        guard let xValue = x.value(in: row), let yValue = y.value(in: row) else { return nil }
        return Plot.Point(x: xValue, y: yValue, label: row["chunk_size"]?.integerValue.map { "C = \($0)" } ?? "")
      }
    }
    let all = lines.joined().map { (cost: $0.x, loss: y == .accuracy ? -$0.y : $0.y) }
    guard !all.isEmpty else { return nil }
    for line in lines.indices {
      for index in lines[line].indices {
        let point = lines[line][index]
        let (cost, loss) = (point.x, y == .accuracy ? -point.y : point.y)
        lines[line][index].isRinged = !all.contains {
          $0.cost <= cost && $0.loss <= loss && ($0.cost < cost || $0.loss < loss)
        }
      }
    }
    let series = zip(results, lines).enumerated().map { index, pair in
      Plot.Series(name: pair.0.name, points: pair.1, color: index)
    }
    return Plot(
      title: "\(y.title) against \(x.title)", series: series.filter { !$0.points.isEmpty }, horizontal: x.caption,
      vertical: y.caption, medium: .page)
  }
}

extension TradeOff.Quantity {
  fileprivate var title: String {
    switch self {
    case .loss: "Loss"
    case .accuracy: "Accuracy"
    case .cacheBytes: "cache"
    case .tokensPerSecond: "speed"
    case .secondsPerToken: "time a token"
    }
  }
}
