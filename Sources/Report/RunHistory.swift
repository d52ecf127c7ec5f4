internal import Foundation
package import JSON
internal import Settings
internal import Telemetry

/// What the directory of a run says of it: `metrics.jsonl`, `config.yaml` and, where it was evaluated, `evaluations.jsonl`.
package struct RunHistory: Sendable {
  /// What a training step did.
  @dynamicMemberLookup
  struct Step: Sendable {
    let step: Int
    let record: StepRecord

    /// In nats a target; nil if it was no number.
    var loss: Double? { record.loss.isFinite ? record.loss : nil }
    /// Nil for a model without chunk sizes, and where micro-batches of the step differ.
    var chunkSize: Int? { record.chunkSize }

    /// A finite number.
    subscript(dynamicMember path: KeyPath<StepRecord, Double?>) -> Double? {
      record[keyPath: path].flatMap { $0.isFinite ? $0 : nil }
    }
  }

  /// What a validation at one chunk size found.
  struct Validation: Sendable {
    let step: Int
    /// Nil for a model without chunk sizes.
    let chunkSize: Int?
    let loss: Double
  }

  /// What the model of a step wrote.
  struct Sample: Sendable {
    let step: Int
    let chunkSize: Int?
    let prompt: String
    let text: String
  }

  /// What a report calls the run.
  package let name: String
  /// In the order of the steps.
  private(set) var steps: [Step] = []
  private(set) var validations: [Validation] = []
  private(set) var samples: [Sample] = []
  /// Numbers of the lines that are no records, from 1; the last line, which may be under way, is not among them.
  package private(set) var unreadableLines: [Int] = []
  /// The resolved configuration; null if there is none.
  let configuration: JSONValue
  /// What `catlm evaluate` left in the directory, oldest first.
  let evaluations: [JSONValue]

  /// The file of a run directory that `catlm evaluate` adds its results to, a JSON object a line.
  package static let evaluationsFile = "evaluations.jsonl"

  /// - Parameter directory: of a run.
  package init(directory: String, name: String) throws {
    guard let metrics = Self.content(of: directory + "/metrics.jsonl") else {
      throw PlotError(description: "\(directory): found no metrics.jsonl, allowed: the directory of a run")
    }
    let file = directory + "/config.yaml"
    try self.init(
      name: name, lines: metrics, source: directory + "/metrics.jsonl",
      configuration: Self.content(of: file).map { yaml throws(JSONError) in try JSONValue(yaml: yaml, source: file) }
        ?? .null,
      evaluations: Self.content(of: directory + "/" + Self.evaluationsFile) ?? "")
  }

  private static func content(of path: String) -> String? {
    FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
  }

  /// - Parameters:
  ///   - lines: the content of a `metrics.jsonl`. A last line that is not whole, as a run under way may have, is left out.
  ///   - source: where they come from, for messages.
  ///   - evaluations: lines of JSON objects likewise.
  package init(
    name: String, lines: String, source: String, configuration: JSONValue = .null, evaluations: String = ""
  ) throws(PlotError) {
    self.name = name
    self.configuration = configuration
    self.evaluations = evaluations.split(whereSeparator: \.isNewline).compactMap { try? JSONValue(json: String($0)) }
    let found = MetricsReader(lines: lines.utf8)
    unreadableLines = found.unreadableLines
    for record in found.records {
      switch record.event {
      case .step(let step): steps.append(Step(step: record.step, record: step))
      case .validation(let found) where found.loss.isFinite:
        validations.append(Validation(step: record.step, chunkSize: found.chunkSize, loss: found.loss))
      case .sample(let sample):
        samples.append(
          Sample(step: record.step, chunkSize: sample.chunkSize, prompt: sample.prompt, text: sample.text))
      case .validation, .checkpoint, .stall, .end, .histograms: break
      }
    }
    guard steps.contains(where: { $0.loss != nil }) || !validations.isEmpty else {
      throw PlotError(description: "\(source): found no loss, allowed: the metrics.jsonl of a run that has made a step")
    }
  }

  /// Chunk sizes of its validations, or of its steps where there are none; nil stands for a model without.
  var chunkSizes: [Int?] {
    let sizes = validations.isEmpty ? steps.map(\.chunkSize) : validations.map(\.chunkSize)
    return Set(sizes).sorted { ($0 ?? 0) < ($1 ?? 0) }
  }
}

// MARK: Lines of a picture

extension RunHistory {
  /// Points of a line; of more steps, neighbours are averaged.
  private static let mostPoints = 150

  /// A number of each step that has it, few points in all.
  func points(_ value: (Step) -> Double?) -> [Plot.Point] {
    let points = steps.compactMap { step in value(step).map { Plot.Point(x: Double(step.step), y: $0, label: "") } }
    let width = max(1, (points.count + Self.mostPoints - 1) / Self.mostPoints)
    return stride(from: 0, to: points.count, by: width).map { start in
      let part = points[start..<min(start + width, points.count)]
      let mean = { (value: (Plot.Point) -> Double) in part.reduce(0) { $0 + value($1) } / Double(part.count) }
      return Plot.Point(x: mean(\.x), y: mean(\.y), label: "")
    }
  }

  /// The validation losses at a chunk size.
  func validationPoints(_ chunkSize: Int?) -> [Plot.Point] {
    validations.filter { $0.chunkSize == chunkSize }.map { Plot.Point(x: Double($0.step), y: $0.loss, label: "") }
  }

  /// The training loss, and the validation loss at each chunk size.
  ///
  /// - Parameter isNamed: whether the run's name stands before each.
  func series(isNamed: Bool) -> [Plot.Series] {
    let prefix = isNamed ? name + ": " : ""
    let measured = validations.isEmpty ? [] : chunkSizes
    let training = points(\.loss)
    let first = training.isEmpty ? [] : [Plot.Series(name: prefix + "training", points: training, hasDots: false)]
    return first
      + measured.map { size in
        Plot.Series(
          name: prefix + (size.map { "validation, C = \($0)" } ?? "validation"), points: validationPoints(size))
      }
  }

  /// One picture of several runs.
  ///
  /// - Parameter runs: at least one.
  package static func plot(_ runs: [RunHistory], title: String) -> Plot {
    Plot(
      title: title, series: runs.flatMap { $0.series(isNamed: runs.count > 1) }, horizontal: .steps, vertical: .loss)
  }
}

extension Plot.Caption {
  static let steps = Self("step") { Format.grouped(Int($0.rounded())) }
  static let loss = Self("loss, nats a target") { Format.fixed($0, digits: 2) }
}
