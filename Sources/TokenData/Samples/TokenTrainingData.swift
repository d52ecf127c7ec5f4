internal import Randomness

/// Windows of token shards in an order that a key gives, another one in each pass.
package struct TokenTrainingData: TrainingData {
  package let vocabularySize: Int?
  private let dataset: TokenDataset
  private let seed: UInt64

  /// - Parameter vocabularySize: that of the tokenizer, where known.
  package init(dataset: TokenDataset, seed: UInt64, vocabularySize: Int?) {
    self.dataset = dataset
    self.seed = seed
    self.vocabularySize = vocabularySize
  }

  package var samplesPerEpoch: Int? { dataset.sampleCount }
  package var tokenCount: Int? { dataset.shards.reduce(0) { $0 + $1.count } }
  package var shards: [TokenShard] { dataset.shards }

  package func batch(step: Int, globalBatch: Int, samples: Range<Int>) -> TokenBatch {
    precondition(
      samples.lowerBound >= 0 && samples.upperBound <= globalBatch, "batch: samples \(samples) of \(globalBatch)")
    var permutation: (epoch: Int, order: KeyedPermutation)?
    let indices = samples.map { sample in
      let (epoch, place) = (step * globalBatch + sample).quotientAndRemainder(dividingBy: dataset.sampleCount)
      if let permutation, permutation.epoch == epoch { return permutation.order[place] }
      let order = KeyedPermutation(count: dataset.sampleCount, seed: seed, epoch: epoch)
      permutation = (epoch, order)
      return order[place]
    }
    return dataset.batch(indices: indices)
  }

  package func cursor(step: Int, globalBatch: Int) -> (epoch: Int, index: Int) {
    let (epoch, index) = (step * globalBatch).quotientAndRemainder(dividingBy: dataset.sampleCount)
    return (epoch, index)
  }

  package func requireIDs(below vocabularySize: Int) throws(TokenError) {
    try dataset.requireIDs(below: vocabularySize)
  }
}

/// Windows of token shards in their order, or as many of them as are wanted, evenly spaced.
package struct TokenValidationData: ValidationData {
  package let sampleCount: Int
  private let dataset: TokenDataset
  private let batchSize: Int

  /// - Parameters:
  ///   - sampleLimit: the most windows to use; nil for all.
  ///   - batchSize: windows of a batch; the last may have fewer.
  package init(dataset: TokenDataset, sampleLimit: Int?, batchSize: Int) {
    precondition(batchSize > 0 && sampleLimit ?? 1 > 0, "validation: batches of \(batchSize)")
    self.dataset = dataset
    self.sampleCount = min(dataset.sampleCount, sampleLimit ?? dataset.sampleCount)
    self.batchSize = batchSize
  }

  package var batchCount: Int { (sampleCount + batchSize - 1) / batchSize }

  package func batch(_ index: Int) -> TokenBatch {
    precondition(index >= 0 && index < batchCount, "validation: batch \(index) of \(batchCount)")
    let samples = index * batchSize..<min((index + 1) * batchSize, sampleCount)
    return dataset.batch(indices: samples.map { $0 * dataset.sampleCount / sampleCount })
  }

  package func requireIDs(below vocabularySize: Int) throws(TokenError) {
    try dataset.requireIDs(below: vocabularySize)
  }
}
