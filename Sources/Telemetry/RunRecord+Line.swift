package import JSON

/// Records as lines of `metrics.jsonl`, there and back.
extension RunRecord {
  /// The keys and values of a line, in their order; nil for what `metrics.jsonl` does not have.
  package var line: JSONValue? {
    guard var fields = MetricsFields(event) else { return nil }
    fields[.step] = .integer(step)
    fields[.time] = .number(time)
    return fields.setting
  }

  /// - Parameter line: of this or an older version; nil if it is none of their kinds.
  package init?(line: JSONValue) {
    let fields = MetricsFields(reading: line)
    guard let step = fields.integer(.step), let event = Event(fields) else { return nil }
    self.step = step
    self.time = fields.number(.time) ?? 0
    self.event = event
  }
}

extension RunRecord.Event {
  fileprivate init?(_ fields: MetricsFields) {
    if fields[.loss] != nil {
      self = .step(StepRecord(fields))
    } else if let loss = fields.number(.validationLoss) {
      self = .validation(
        RunRecord.Validation(
          chunkSize: fields.integer(.chunkSize), loss: loss, accuracy: fields.number(.accuracy),
          targetCount: fields.integer(.targets)))
    } else if let text = fields.text(.text) {
      self = .sample(
        RunRecord.Sample(chunkSize: fields.integer(.chunkSize), prompt: fields.text(.prompt) ?? "", text: text))
    } else if let name = fields.text(.checkpoint) {
      self = .checkpoint(
        RunRecord.Checkpoint(
          name: name, byteCount: fields.integer(.bytes) ?? 0, seconds: fields.number(.writeSeconds) ?? 0))
    } else if let cause = fields.text(.stall).flatMap(RunRecord.Stall.Cause.init) {
      self = .stall(RunRecord.Stall(cause: cause, seconds: fields.number(.stallSeconds) ?? 0))
    } else if let outcome = fields.text(.end).flatMap(RunRecord.End.Outcome.init) {
      self = .end(
        RunRecord.End(
          outcome: outcome, seconds: fields.number(.elapsedSeconds) ?? 0, reason: fields.text(.reason)))
    } else {
      return nil
    }
  }
}

extension StepRecord {
  fileprivate init(_ fields: MetricsFields) {
    self.init(loss: fields.number(.loss) ?? .nan)
    chunkSizes =
      fields.integer(.chunkSize).map { [$0] } ?? fields[.chunkSize]?.listValue?.compactMap(\.integerValue) ?? []
    learningRate = fields.number(.learningRate)
    gradientNorm = fields.number(.gradientNorm)
    tokenCount = fields.integer(.tokens)
    targetCount = fields.integer(.targets)
    seconds = fields.number(.seconds)
    for (key, path) in StepPhases.keys { phases[keyPath: path] = fields.number(key) }
    tokensPerSecond = fields.number(.tokensPerSecond)
    utilization = fields.number(.utilization)
    for (key, path) in MemoryUse.keys { memory[keyPath: path] = fields.integer(key) }
    isSkipped = fields[.skipped] == .flag(true)
    isSpike = fields[.spike] == .flag(true)
    checkpointStallSeconds = fields.number(.checkpointStallSeconds)
  }

  fileprivate func write(to fields: inout MetricsFields) {
    fields[.loss] = .number(loss)
    if !chunkSizes.isEmpty {
      fields[.chunkSize] = chunkSize.map(JSONValue.integer) ?? .list(chunkSizes.map(JSONValue.integer))
    }
    fields[.learningRate] = learningRate.map(JSONValue.number)
    fields[.gradientNorm] = gradientNorm.map(JSONValue.number)
    fields[.tokens] = tokenCount.map(JSONValue.integer)
    fields[.targets] = targetCount.map(JSONValue.integer)
    fields[.seconds] = seconds.map(JSONValue.number)
    for (key, path) in StepPhases.keys { fields[key] = phases[keyPath: path].map(JSONValue.number) }
    fields[.tokensPerSecond] = tokensPerSecond.map(JSONValue.number)
    fields[.utilization] = utilization.map(JSONValue.number)
    for (key, path) in MemoryUse.keys { fields[key] = memory[keyPath: path].map(JSONValue.integer) }
    if isSkipped { fields[.skipped] = .flag(true) }
    if isSpike { fields[.spike] = .flag(true) }
    fields[.checkpointStallSeconds] = checkpointStallSeconds.map(JSONValue.number)
  }
}

extension StepPhases {
  /// The parts, in the order of a line.
  package static let keys: [(key: MetricsKey, path: WritableKeyPath<StepPhases, Double?> & Sendable)] = [
    (.dataSeconds, \.data), (.forwardSeconds, \.forward), (.backwardSeconds, \.backward),
    (.communicationSeconds, \.communication), (.optimizerSeconds, \.optimizer), (.deviceSeconds, \.device),
    (.otherSeconds, \.other),
  ]
}

extension MemoryUse {
  fileprivate static let keys: [(key: MetricsKey, path: WritableKeyPath<MemoryUse, Int?> & Sendable)] = [
    (.memoryBytes, \.processBytes), (.peakMemoryBytes, \.peakProcessBytes), (.tensorBytes, \.tensorBytes),
    (.peakTensorBytes, \.peakTensorBytes),
  ]
}

/// Values of a line under their keys.
private struct MetricsFields {
  /// Nil where the line was read.
  private let line: MetricsLine?
  private var values: [MetricsKey: JSONValue] = [:]

  init(reading line: JSONValue) {
    self.line = nil
    for entry in line.entries ?? [] {
      if let key = MetricsKey(rawValue: entry.key) { values[key] = entry.value }
    }
  }

  /// Nil for what has no line.
  init?(_ event: RunRecord.Event) {
    switch event {
    case .step(let step):
      line = .training
      step.write(to: &self)
    case .validation(let found):
      line = .validation
      self[.chunkSize] = found.chunkSize.map(JSONValue.integer)
      self[.validationLoss] = .number(found.loss)
      self[.accuracy] = found.accuracy.map(JSONValue.number)
      self[.targets] = found.targetCount.map(JSONValue.integer)
    case .sample(let sample):
      line = .sample
      self[.chunkSize] = sample.chunkSize.map(JSONValue.integer)
      self[.prompt] = .text(sample.prompt)
      self[.text] = .text(sample.text)
    case .checkpoint(let checkpoint):
      line = .checkpoint
      self[.checkpoint] = .text(checkpoint.name)
      self[.bytes] = .integer(checkpoint.byteCount)
      self[.writeSeconds] = .number(checkpoint.seconds)
    case .stall(let stall):
      line = .stall
      self[.stall] = .text(stall.cause.rawValue)
      self[.stallSeconds] = .number(stall.seconds)
    case .end(let end):
      line = .end
      self[.end] = .text(end.outcome.rawValue)
      self[.reason] = end.reason.map(JSONValue.text)
      self[.elapsedSeconds] = .number(end.seconds)
    case .histograms: return nil
    }
  }

  /// The value of a key that this kind of line has; nil: the key is absent.
  subscript(key: MetricsKey) -> JSONValue? {
    get { values[key] }
    set {
      precondition(
        line.map(key.declaration.lines.contains) != false,
        "metrics: \(key.rawValue) in a line of \(line?.rawValue ?? "")")
      values[key] = newValue
    }
  }

  func integer(_ key: MetricsKey) -> Int? { values[key]?.integerValue }
  func text(_ key: MetricsKey) -> String? { values[key]?.textValue }
  func number(_ key: MetricsKey) -> Double? { values[key]?.spelledNumber }

  /// The line, its keys in the order in which they are declared.
  var setting: JSONValue {
    .mapping(
      MetricsKey.allCases.compactMap { key in values[key].map { JSONValue.Entry(key: key.rawValue, value: $0) } })
  }
}
