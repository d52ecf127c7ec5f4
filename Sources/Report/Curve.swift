internal import Settings
internal import Telemetry

/// What a run's `metrics.jsonl` says of loss over steps.
package struct Curve: Sendable {
  private let name: String
  /// Step and loss, in the order of the steps.
  private var training: [Plot.Point] = []
  private var validation: [(chunkSize: Int?, points: [Plot.Point])] = []

  /// Points of a line; of more steps, neighbours are averaged.
  private static let mostPoints = 150

  /// - Parameters:
  ///   - name: what the picture calls the run.
  ///   - lines: the content of a `metrics.jsonl`. A last line that is not whole, as a run under way may have, is left out.
  ///   - source: where they come from, for messages.
  package init(name: String, lines: String, source: String) throws(PlotError) {
    self.name = name
    for line in lines.split(whereSeparator: \.isNewline) {
      guard let record = try? Setting(json: String(line)), let step = record.integer(.step) else { continue }
      if let loss = record.number(.loss) {
        training.append(Plot.Point(x: Double(step), y: loss, label: ""))
      } else if let loss = record.number(.validationLoss) {
        addValidation(step, loss, chunkSize: record.integer(.chunkSize))
      }
    }
    guard !training.isEmpty || !validation.isEmpty else {
      throw PlotError(description: "\(source): found no loss, allowed: the metrics.jsonl of a run that has made a step")
    }
  }

  private mutating func addValidation(_ step: Int, _ loss: Double, chunkSize: Int?) {
    let point = Plot.Point(x: Double(step), y: loss, label: "")
    if let index = validation.firstIndex(where: { $0.chunkSize == chunkSize }) {
      validation[index].points.append(point)
    } else {
      validation.append((chunkSize, [point]))
    }
  }

  /// The training loss, and the validation loss at each chunk size.
  ///
  /// - Parameter isNamed: whether the run's name stands before each.
  func series(isNamed: Bool) -> [Plot.Series] {
    let prefix = isNamed ? name + ": " : ""
    let measured = validation.map { size, points in
      Plot.Series(name: prefix + (size.map { "validation, C = \($0)" } ?? "validation"), points: points)
    }
    guard !training.isEmpty else { return measured }
    return [Plot.Series(name: prefix + "training", points: Self.averaged(training), hasDots: false)] + measured
  }

  private static func averaged(_ points: [Plot.Point]) -> [Plot.Point] {
    let width = (points.count + mostPoints - 1) / mostPoints
    return stride(from: 0, to: points.count, by: width).map { start in
      let part = points[start..<min(start + width, points.count)]
      let mean = { (value: (Plot.Point) -> Double) in part.reduce(0) { $0 + value($1) } / Double(part.count) }
      return Plot.Point(x: mean(\.x), y: mean(\.y), label: "")
    }
  }

  /// One picture of several runs.
  ///
  /// - Parameter curves: at least one.
  package static func plot(_ curves: [Curve], title: String) -> Plot {
    Plot(
      title: title, series: curves.flatMap { $0.series(isNamed: curves.count > 1) },
      horizontal: Plot.Caption("step") { Format.grouped(Int($0.rounded())) },
      vertical: Plot.Caption("loss, nats a target") { Format.fixed($0, digits: 2) })
  }
}

extension Setting {
  fileprivate func integer(_ key: MetricsKey) -> Int? { self[key.rawValue]?.integerValue }

  /// A finite number under the key.
  fileprivate func number(_ key: MetricsKey) -> Double? {
    self[key.rawValue]?.numberValue.flatMap { $0.isFinite ? $0 : nil }
  }
}
