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

  package var mostSequences: Int { dataset.mostSequences }
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
