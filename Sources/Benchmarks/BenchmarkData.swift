internal import Randomness
internal import TokenData

/// Random ids: samples of `context` ids, of which `context - 1` have a target. They repeat after a few steps.
struct BenchmarkData: TrainingData {
  private static let periodSteps = 4

  let context: Int
  let idCount: Int

  var vocabularySize: Int? { idCount }
  var samplesPerEpoch: Int? { nil }
  var tokenCount: Int? { nil }

  func batch(step: Int, globalBatch: Int, samples: Range<Int>) -> TokenBatch {
    var (inputs, targets): ([Int32], [Int32]) = ([], [])
    for sample in samples {
      let place = step % Self.periodSteps * globalBatch + sample
      var generator = CounterGenerator(seed: 0, stream: .task, index: UInt64(place))
      let ids = (0..<context).map { _ in Int32(generator.below(idCount)) }
      inputs += ids.dropLast()
      targets += ids.dropFirst()
    }
    return TokenBatch(inputs: inputs, targets: targets, sampleCount: samples.count, length: context - 1)
  }

  func cursor(step: Int, globalBatch: Int) -> (epoch: Int, index: Int) { (0, step * globalBatch) }

  func requireIDs(below vocabularySize: Int) {}
}
