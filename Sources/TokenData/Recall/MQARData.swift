internal import Randomness

/// Endless samples of associative recall, each a function of the seed and its number; a step's samples share a segment.
package struct MQARTrainingData: TrainingData {
  private let task: MQARTask
  private let segments: [MQARTask.Segment]
  private let seed: UInt64

  /// - Parameter segments: what each step draws one of, all equally likely; not empty.
  package init(task: MQARTask, segments: [MQARTask.Segment], seed: UInt64) {
    precondition(!segments.isEmpty, "mqar: no segments")
    self.task = task
    self.segments = segments
    self.seed = seed
  }

  package var vocabularySize: Int? { task.vocabularySize }
  package var samplesPerEpoch: Int? { nil }
  package var tokenCount: Int? { nil }

  package func batch(step: Int, globalBatch: Int, samples: Range<Int>) -> TokenBatch {
    precondition(
      samples.lowerBound >= 0 && samples.upperBound <= globalBatch, "batch: samples \(samples) of \(globalBatch)")
    let first = step * globalBatch
    return task.batch(
      segment(ofStep: step), samples: first + samples.lowerBound..<first + samples.upperBound, seed: seed,
      stream: .task)
  }

  /// The segment that all samples of a step belong to.
  package func segment(ofStep step: Int) -> MQARTask.Segment {
    // Steps count in the upper half of the stream's indices, samples in the lower.
    var generator = CounterGenerator(seed: seed, stream: .task, index: 1 << 63 | UInt64(step))
    return segments[generator.below(segments.count)]
  }

  package func cursor(step: Int, globalBatch: Int) -> (epoch: Int, index: Int) {
    (0, step * globalBatch)
  }

  package func requireIDs(below vocabularySize: Int) throws(TokenError) {
    try task.requireIDs(below: vocabularySize)
  }
}

/// Fixed samples of associative recall, batches of each segment after those of the one before.
package struct MQARValidationData: ValidationData {
  private let task: MQARTask
  private let seed: UInt64
  private let batches: [(segment: MQARTask.Segment, samples: Range<Int>)]

  /// - Parameters:
  ///   - segments: repeated ones count once.
  ///   - sampleCount: samples of all segments together; each has the same share, at least one.
  ///   - batchSize: samples of a batch; a segment's last may have fewer.
  package init(
    task: MQARTask, segments: [MQARTask.Segment], sampleCount: Int, seed: UInt64, batchSize: Int
  ) {
    precondition(batchSize > 0 && !segments.isEmpty, "mqar: batches of \(batchSize), \(segments.count) segments")
    self.task = task
    self.seed = seed
    var unique: [MQARTask.Segment] = []
    for segment in segments where !unique.contains(segment) { unique.append(segment) }
    let share = max(1, sampleCount / unique.count)
    self.batches = unique.enumerated().flatMap { number, segment in
      stride(from: 0, to: share, by: batchSize).map { start in
        (segment, number * share + start..<number * share + min(start + batchSize, share))
      }
    }
  }

  package var batchCount: Int { batches.count }
  package var sampleCount: Int { batches.reduce(0) { $0 + $1.samples.count } }

  package func batch(_ index: Int) -> TokenBatch {
    task.batch(batches[index].segment, samples: batches[index].samples, seed: seed, stream: .validation)
  }

  /// The segment that all samples of a batch belong to.
  package func segment(ofBatch index: Int) -> MQARTask.Segment {
    batches[index].segment
  }

  package func requireIDs(below vocabularySize: Int) throws(TokenError) {
    try task.requireIDs(below: vocabularySize)
  }
}

extension MQARTask {
  /// The samples with these numbers in a stream, `[samples.count, T]`.
  fileprivate func batch(_ segment: Segment, samples: Range<Int>, seed: UInt64, stream: RandomStream) -> TokenBatch {
    var inputs: [Int32] = []
    var targets: [Int32] = []
    inputs.reserveCapacity(samples.count * segment.length)
    targets.reserveCapacity(samples.count * segment.length)
    for sample in samples {
      var generator = CounterGenerator(seed: seed, stream: stream, index: UInt64(sample))
      append(segment, from: &generator, inputs: &inputs, targets: &targets)
    }
    return TokenBatch(inputs: inputs, targets: targets, sampleCount: samples.count, length: segment.length)
  }

  fileprivate func requireIDs(below limit: Int) throws(TokenError) {
    guard vocabularySize > limit else { return }
    throw TokenError(
      file: "data.vocabulary_size", found: "\(vocabularySize)", allowed: "at most \(limit), the model's vocabulary")
  }
}
