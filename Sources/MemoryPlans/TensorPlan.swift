package import Models
package import Optimizers
package import TensorCore

/// What decides how much memory the tensors of one rank take in a run, and how much that is.
///
/// Steps are made by the code that a run makes them with, on a backend that hands out memory and computes nothing: what
/// its pool holds at most, the run's will.
package struct TensorPlan: Sendable {
  private let model: ModelConfig
  private let optimizer: OptimizerConfig?
  private let recomputation: Recomputation
  private let steps: [[Int]]
  private let laterSteps: [[Int]]
  private let sampleCount: Int
  private let length: Int
  private let mostSequences: Int
  private let validation: (sampleCount: Int, chunkSizes: [Int])
  private let samples: Samples?
  private let owned: [Range<Int>]?

  /// Texts that are written during a run, one after the other.
  package struct Samples: Hashable, Sendable {
    /// Tokens of the prompt.
    let promptLength: Int
    /// Tokens of a whole text.
    let length: Int
    let chunkSizes: [Int]

    package init(promptLength: Int, length: Int, chunkSizes: [Int]) {
      self.promptLength = promptLength
      self.length = length
      self.chunkSizes = chunkSizes
    }
  }

  /// Tokens of the largest batch that is made. Beyond, memory grows by as much with each sample.
  private static let largestBatch = 1 << 14
  /// Where samples are cut, no step asks for the sizes of another, and what is free between tensors may fit none: up to one
  /// part in so many of what steps take.
  private static let unevenShare = 6

  /// - Parameters:
  ///   - optimizer: nil for a model that is not trained.
  ///   - steps: the chunk sizes of the micro-batches of the first steps.
  ///   - laterSteps: steps that follow a validation.
  ///   - sampleCount: of the largest micro-batch.
  ///   - length: of the longest sample, in inputs that each have a target.
  ///   - mostSequences: that a sample may be cut into.
  ///   - validation: samples of a batch of validation, 0 if there is none, and its chunk sizes.
  ///   - samples: texts that are written with the model; nil if none are.
  ///   - owned: the parts of the flat buffers that this rank updates; nil for all.
  package init(
    model: ModelConfig, optimizer: OptimizerConfig?, recomputation: Recomputation, steps: [[Int]],
    laterSteps: [[Int]] = [], sampleCount: Int, length: Int, mostSequences: Int = 1,
    validation: (sampleCount: Int, chunkSizes: [Int]) = (0, []), samples: Samples? = nil, owned: [Range<Int>]? = nil
  ) {
    self.model = model
    self.optimizer = optimizer
    self.recomputation = recomputation
    self.steps = steps
    self.laterSteps = laterSteps
    self.sampleCount = sampleCount
    self.length = length
    self.mostSequences = mostSequences
    self.validation = validation
    self.samples = samples
    self.owned = owned
  }

  /// Bytes that one sample takes in any case: the largest factor of a product, at half precision. Known in no time,
  /// however long the sample is.
  package var leastSampleBytes: Int {
    let sizes = Set((steps + laterSteps).joined())
    let products = sizes.flatMap {
      ModelCost(model, sampleCount: 1, length: length, targetCount: length, chunkSize: $0).products
    }
    return products.reduce(0) { max($0, $1.m * $1.k) } * DType.bfloat16.byteCount
  }

  /// Most bytes that the run's tensors take at a time, free stretches between them included.
  ///
  /// - Parameter makeBackend: gives a backend that computes nothing, new each time, with as many threads as the run's.
  package func peakBytes(makeBackend: () -> any Backend) -> Int {
    let largest = max(sampleCount, validation.sampleCount)
    var limit = max(2, Self.largestBatch / max(1, length))
    guard largest > limit else { return peakBytes(samplesOf: (1, 1), on: makeBackend()) }
    // What does not grow with the batch, the block of the head above all, has to be a small part of it.
    limit *= makeBackend().headBlockElements / Tape.headBlockElements
    guard largest > limit else { return peakBytes(samplesOf: (1, 1), on: makeBackend()) }
    let half = peakBytes(samplesOf: (limit / 2, largest), on: makeBackend())
    let whole = peakBytes(samplesOf: (limit, largest), on: makeBackend())
    let slope = Double(whole - half) / Double(limit - limit / 2)
    let bytes = Double(whole) + slope * Double(largest - limit)
    return bytes < Double(Int.max / 2) ? Int(bytes) : Int.max / 2
  }

  /// - Parameter share: of the samples that are taken.
  private func peakBytes(samplesOf share: (Int, Int), on backend: any Backend) -> Int {
    let network = model.makeModel(isTrained: optimizer != nil, backend: backend)
    let update = optimizer.map { AdamW($0, parameters: network.parameters, backend: backend, owned: owned) }
    func part(_ count: Int) -> Int {
      count == 0 ? 0 : max(1, Int(Double(count) * Double(share.0) / Double(share.1)))
    }
    let modelBytes = backend.peakBytes
    for steps in [steps, laterSteps] {
      for sizes in steps {
        for size in sizes { run(network, part(sampleCount), chunkSize: size, isRecording: true, on: backend) }
        update?.step(rate: 0)
      }
      for size in validation.chunkSizes {
        run(network, part(validation.sampleCount), chunkSize: size, isRecording: false, on: backend)
      }
      if let samples { write(samples, with: network, on: backend) }
    }
    let bytes = backend.peakBytes
    return mostSequences == 1 ? bytes : bytes + (bytes - modelBytes) / Self.unevenShare
  }

  /// The passes over one batch.
  private func run(
    _ network: any LanguageModel, _ sampleCount: Int, chunkSize: Int, isRecording: Bool, on backend: any Backend
  ) {
    guard sampleCount > 0 else { return }
    for sample in mostSequences > 1 ? [[length], cutSample(chunkSize: chunkSize)] : [[length]] {
      let lengths = sample.flatMap { Array(repeating: $0, count: sampleCount) }
      let ids = [Int32](repeating: 0, count: lengths.reduce(0, +))
      let tape = Tape(backend: backend, isRecording: isRecording, recomputation: recomputation)
      _ = network.loss(
        ids: ids, targets: ids, lengths: lengths, chunkSize: chunkSize, gradientScale: 1, tape: tape)
      tape.backward()
    }
  }

  /// Inputs of each sequence of a sample that is cut as often as samples may be, shortest first: as many as make a whole
  /// chunk, where there are enough. No other cut has more rows.
  private func cutSample(chunkSize: Int) -> [Int] {
    var lengths: [Int] = []
    var idCount = length + 1
    for others in (1..<mostSequences).reversed() {
      let inputs = max(1, min(chunkSize, idCount - 2 * others - 1))
      lengths.append(inputs)
      idCount -= inputs + 1
    }
    return (lengths + [max(1, idCount - 1)]).sorted()
  }

  /// The passes over each text's prompt, and over tokens until a chunk has ended.
  private func write(_ samples: Samples, with network: any LanguageModel, on backend: any Backend) {
    for size in samples.chunkSizes {
      let state = network.makeDecodeState(
        sequenceCount: 1, length: samples.length, chunkSize: size, backend: backend)
      let tape = Tape(backend: backend, isRecording: false)
      let singleCount = min(samples.length - samples.promptLength - 1, size + 1)
      let calls =
        [[Int32](repeating: 0, count: samples.promptLength)] + Array(repeating: [0], count: max(0, singleCount))
      for ids in calls { _ = tape.linear(state.advance(ids), weight: network.head) }
    }
  }
}
