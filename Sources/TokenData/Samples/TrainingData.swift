/// What a run is trained on: every sample is a function of step and place in the global batch alone.
package protocol TrainingData: Sendable {
  /// The ids are below this, if the data says so.
  var vocabularySize: Int? { get }
  /// Samples of one pass over the data; nil if they never repeat, or if several sources have passes of their own.
  var samplesPerEpoch: Int? { get }
  /// Tokens of all shards; nil where samples are made while training.
  var tokenCount: Int? { get }
  /// Where the samples come from, in the order of the run file; none if they are made.
  var sources: [SourceSummary] { get }
  /// Most sequences of a sample: 1 where samples are not cut at the boundaries of documents.
  var mostSequences: Int { get }

  /// Part of the global batch of a step. All samples of a step have the same length, unless they are cut.
  ///
  /// - Parameters:
  ///   - step: counted from 0.
  ///   - globalBatch: samples of a step, over all ranks and micro-batches.
  ///   - samples: which of `0 ..< globalBatch`.
  func batch(step: Int, globalBatch: Int, samples: Range<Int>) -> TokenBatch

  /// Where the step's first sample lies: the pass over the data, and the place in that pass's order.
  func cursor(step: Int, globalBatch: Int) -> (epoch: Int, index: Int)

  /// Checks every id against a model's vocabulary, which may mean to read all data.
  func requireIDs(below vocabularySize: Int) throws(TokenError)
}

extension TrainingData {
  package var sources: [SourceSummary] { [] }
  package var mostSequences: Int { 1 }

  /// The same with every id checked, for data may change while it is used.
  ///
  /// - Throws: ``TokenError`` that names the first id that is not below the vocabulary, and where it is.
  package func batch(
    step: Int, globalBatch: Int, samples: Range<Int>, idsBelow vocabularySize: Int
  ) throws(TokenError) -> TokenBatch {
    let batch = batch(step: step, globalBatch: globalBatch, samples: samples)
    let limit = Int32(clamping: vocabularySize)
    let isWhole =
      batch.inputs.allSatisfy { $0 >= 0 && $0 < limit }
      && batch.targets.allSatisfy { ($0 >= 0 && $0 < limit) || $0 == TokenBatch.ignored }
    guard !isWhole else { return batch }
    try requireIDs(below: vocabularySize)
    // It was changed back meanwhile.
    throw TokenError(
      file: "the batch of step \(step + 1)", found: "an id outside of the vocabulary", allowed: "0..<\(vocabularySize)")
  }
}

/// What there is to say of one of the sources of training data.
package struct SourceSummary: Sendable {
  package let name: String
  /// Share of the samples that come from it, in `0 ... 1`.
  package let share: Double
  /// Samples of one pass over it.
  package let sampleCount: Int
  package let tokenCount: Int
  /// Its files, in the order that gives samples their numbers.
  package let shards: [TokenShard]
  /// Where documents begin in each of them; empty where samples are not cut there.
  package let documents: [DocumentIndex]
}

/// What a run is measured on: a fixed list of batches.
package protocol ValidationData: Sendable {
  var batchCount: Int { get }
  /// Samples of all batches.
  var sampleCount: Int { get }
  /// As ``TrainingData/mostSequences``.
  var mostSequences: Int { get }
  /// The batch with this number of `0 ..< batchCount`. Batches may differ in size and length.
  func batch(_ index: Int) -> TokenBatch

  /// Checks every id against a model's vocabulary, which may mean to read all data.
  func requireIDs(below vocabularySize: Int) throws(TokenError)
}

extension ValidationData {
  package var mostSequences: Int { 1 }
}
