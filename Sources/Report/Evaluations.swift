internal import JSON
internal import Telemetry

/// What the newest evaluation of a run by one task found at each chunk size.
struct Evaluations: Sendable {
  /// What `catlm evaluate` measures.
  enum Task: String, CaseIterable, Sendable {
    case text
    case mqar
    case needle
    case choices

    /// What its accuracy is called.
    var accuracyTitle: String {
      switch self {
      case .text: "Accuracy"
      case .mqar: "Recall of pairs"
      case .needle: "Recall of needles"
      case .choices: "Right choices"
      }
    }

    /// What it is drawn as: cost and quality.
    var plots: [(x: TradeOff.Quantity, y: TradeOff.Quantity)] {
      self == .text
        ? [(.cacheBytes, .loss), (.secondsPerToken, .loss), (.cacheBytes, .accuracy)]
        : [(.cacheBytes, .accuracy), (.secondsPerToken, .accuracy)]
    }
  }

  let name: String
  let task: Task
  /// Of one checkpoint on one source, in the order of the chunk sizes.
  let rows: [JSONValue]

  init(_ run: RunHistory, task: Task = .text) {
    name = run.name
    self.task = task
    // Older results do not say what they are of.
    let all = run.evaluations.filter { ($0["task"]?.textValue ?? Task.text.rawValue) == task.rawValue }
    guard let last = all.last else {
      rows = []
      return
    }
    let alike = all.filter { $0["source"] == last["source"] && $0["step"] == last["step"] }
    // Of what was evaluated twice, the newer.
    var newest: [Int: JSONValue] = [:]
    for row in alike { newest[row["chunk_size"]?.integerValue ?? 0] = row }
    rows = newest.sorted { $0.key < $1.key }.map(\.value)
  }

  /// What the parts of each row found, as cells: chunk size, length, pairs or depth, accuracy.
  var partCells: [[String?]] {
    rows.flatMap { (row: JSONValue) -> [[String?]] in
      let size: String? = row["chunk_size"]?.integerValue.map { "\($0)" }
      let parts = (row["segments"] ?? row["cells"])?.listValue ?? []
      return parts.map { [size] + Self.cells(ofPart: $0) }
    }
  }

  private static func cells(ofPart part: JSONValue) -> [String?] {
    let pairs: String? = part["pairs"]?.integerValue.map { "\($0) pairs" }
    let depth: String? = part["depth"]?.numberValue.map { Format.fixed($0, digits: 0) + " % deep" }
    let accuracy: String? = part["accuracy"]?.spelledNumber.map { Format.fixed($0, digits: 4) }
    return [part["length"]?.integerValue.map { Format.grouped($0) }, pairs ?? depth, accuracy]
  }

  /// A row as cells: step, source, chunk size, loss, accuracy, tokens a second, cache.
  static func cells(_ row: JSONValue) -> [String?] {
    let fixed = { (key: String) in row[key]?.spelledNumber.map { Format.fixed($0, digits: 4) } }
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
    let task = results.first?.task ?? .text
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
      title: "\(y == .accuracy ? task.accuracyTitle : y.title) against \(x.title)",
      series: series.filter { !$0.points.isEmpty }, horizontal: x.caption,
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
