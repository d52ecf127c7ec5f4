package import Models
package import Parallel
package import TensorCore
package import TokenData

/// Loss and accuracy of a model on held-out batches, which the ranks of a group share.
package struct TextEvaluation {
  private let model: any LanguageModel
  private let backend: any Backend
  private let work: SharedWork
  private let byteCounts: [Int]?

  /// - Parameter byteCounts: bytes of each id's text, 0 for one that is no text; nil if nobody knows.
  package init(
    model: any LanguageModel, backend: any Backend, group: any ProcessGroup, byteCounts: [Int]? = nil
  ) {
    self.model = model
    self.backend = backend
    work = SharedWork(in: group)
    self.byteCounts = byteCounts
  }

  /// Runs all batches of `data` at `chunkSize`. All ranks call it.
  ///
  /// - Parameter onBatch: called after each batch of this rank with the number of its tokens.
  /// - Returns: what each batch gave, in their order; its seconds are those of all, shared by tokens.
  package func run(
    _ data: any ValidationData, chunkSize: Int, onBatch: (Int) -> Void = { _ in }
  ) throws -> [EvaluationResult] {
    let found = try work.numbers(count: data.batchCount, width: EvaluationResult.numberCount) { index in
      let batch = data.batch(index)
      defer { onBatch(batch.inputs.count) }
      return result(of: batch, chunkSize: chunkSize).numbers
    }
    var results = found.pieces.map(EvaluationResult.init(numbers:))
    let tokenCount = results.reduce(0) { $0 + $1.tokenCount }
    for index in results.indices {
      results[index].seconds = found.seconds * Double(results[index].tokenCount) / Double(tokenCount)
    }
    return results
  }

  private func result(of batch: TokenBatch, chunkSize: Int) -> EvaluationResult {
    let scores = model.scores(
      ids: batch.inputs, targets: batch.targets, lengths: batch.lengths, chunkSize: chunkSize,
      tape: Tape(backend: backend, isRecording: false))
    var result = EvaluationResult()
    result.tokenCount = batch.inputs.count
    let targets = batch.targets.filter { $0 >= 0 }
    for (index, target) in targets.enumerated() {
      let loss = Double(scores.losses[index])
      result.lossSum += loss
      result.correctCount += scores.best[index] == target ? 1 : 0
      let byteCount = byteCounts.map { Int(target) < $0.count ? $0[Int(target)] : 0 } ?? 0
      if byteCount > 0 { result.textLossSum += loss }
      result.byteCount += byteCount
    }
    result.targetCount = targets.count
    return result
  }
}

/// Windows of T ids that overlap: each begins S ids after the one before, and counts for the S targets that are new alone,
/// the first of a shard for all.
///
/// So every target but those of the first window has at least T − S ids before it. What is left at a shard's end is not
/// used. With S = T these are the windows of ``TokenValidationData``.
package struct SlidingWindows: ValidationData {
  package let sampleCount: Int
  private let shards: [TokenShard]
  /// Windows before each shard.
  private let starts: [Int]
  private let windowCount: Int
  private let context: Int
  private let stride: Int
  private let batchSize: Int

  /// - Parameters:
  ///   - paths: files, directories or patterns; of a directory, what is to be measured on.
  ///   - context: T.
  ///   - stride: S, at most T.
  ///   - sampleLimit: the most windows, evenly spaced; nil for all.
  ///   - batchSize: windows of a batch; the last may have fewer.
  ///   - name: what names the paths in messages.
  /// - Throws: ``TokenError`` for a file that cannot be used, and if no shard holds a window.
  package init(
    paths: [String], format: FormatChoice, context: Int, stride: Int, sampleLimit: Int?, batchSize: Int, name: String
  ) throws(TokenError) {
    precondition(stride > 0 && stride <= context && batchSize > 0, "windows of \(context) by \(stride)")
    var shards: [TokenShard] = []
    for path in try ShardPaths.expand(paths, split: .validation) {
      shards.append(try TokenShard(path: path, format: format))
    }
    var starts: [Int] = []
    var count = 0
    for shard in shards {
      starts.append(count)
      count += shard.count > context ? (shard.count - 1 - context) / stride + 1 : 0
    }
    guard count > 0 else {
      throw TokenError(
        file: name, found: "at most \(shards.map(\.count).max() ?? 0) ids in a file, in \(shards.count) files",
        allowed: "a file of \(context + 1) ids or more, for a context of \(context)")
    }
    self.shards = shards
    self.starts = starts
    self.context = context
    self.stride = stride
    self.batchSize = batchSize
    windowCount = count
    sampleCount = min(count, sampleLimit ?? count)
  }

  package var batchCount: Int { (sampleCount + batchSize - 1) / batchSize }

  package func batch(_ index: Int) -> TokenBatch {
    var inputs: [Int32] = []
    var targets: [Int32] = []
    let samples = index * batchSize..<min((index + 1) * batchSize, sampleCount)
    for sample in samples { append(sample * windowCount / sampleCount, &inputs, &targets) }
    return TokenBatch(inputs: inputs, targets: targets, sampleCount: samples.count, length: context)
  }

  private func append(_ window: Int, _ inputs: inout [Int32], _ targets: inout [Int32]) {
    // The last shard that begins at or before the window: shards without one begin where the next does.
    let shard = (starts.firstIndex { $0 > window } ?? starts.count) - 1
    let place = window - starts[shard]
    let ids = shards[shard].ids(place * stride..<place * stride + context + 1)
    inputs += ids.dropLast()
    let earlierCount = place == 0 ? 0 : context - stride
    targets += repeatElement(TokenBatch.ignored, count: earlierCount) + ids.dropFirst(1 + earlierCount)
  }

  package func requireIDs(below vocabularySize: Int) throws(TokenError) {
    for shard in shards { try shard.requireIDs(below: vocabularySize) }
  }
}
