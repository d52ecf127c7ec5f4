import CPUBackend
import Evaluation
import Foundation
import HiddenBackend
import Parallel
import TensorCore
import Testing
import TokenData
import Tokenizers

struct TextEvaluationTests {
  /// Ids in a shard that is gone after the test.
  private func withShard<Result>(_ ids: [Int32], _ body: (String) throws -> Result) throws -> Result {
    let path = FileManager.default.temporaryDirectory.appending(path: "evaluation-\(UUID().uuidString).bin").path
    try TokenShardWriter.write(ids, vocabularySize: 256, to: path)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try body(path)
  }

  private func windows(
    _ path: String, context: Int, stride: Int, limit: Int? = nil, batchSize: Int = 3
  ) throws -> SlidingWindows {
    try SlidingWindows(
      paths: [path], format: .auto, context: context, stride: stride, sampleLimit: limit, batchSize: batchSize,
      name: "--tokens")
  }

  @Test(arguments: SmallModel.Kind.allCases, [5, 7, 12])
  func `sliding contexts give the losses of each window by itself`(_ kind: SmallModel.Kind, stride: Int) throws {
    let small = try SmallModel(kind)
    let (ids, context) = (someText(count: 60), 12)
    var (sum, count, place) = (0.0, 0, 0)
    while place + context + 1 <= ids.count {
      let found = small.logProbabilities(Array(ids[place...place + context]), chunkSize: 4)
      let counted = place == 0 ? found[...] : found.suffix(stride)
      sum -= counted.reduce(0, +)
      count += counted.count
      place += stride
    }
    let evaluation = TextEvaluation(
      model: small.model, backend: small.backend, group: SoloGroup(), byteCounts: ByteTokenizer().byteCounts)
    let result = try withShard(ids) { path in
      try evaluation.run(windows(path, context: context, stride: stride), chunkSize: 4).reduce(EvaluationResult(), +)
    }
    #expect(result.targetCount == count)
    #expect(isClose(result.lossSum, sum, within: 1e-5), "expected \(sum), got \(result.lossSum)")
    let bits = try #require(result.bitsPerByte)
    #expect(isClose(bits, sum / log(2) / Double(count), within: 1e-5))
  }

  @Test(arguments: [nil, 4]) func `contexts that slide by their length are blocked ones`(limit: Int?) throws {
    try withShard(someText(count: 101)) { path in
      let sliding = try windows(path, context: 9, stride: 9, limit: limit)
      let blocked = TokenValidationData(
        dataset: try TokenDataset(paths: [path], context: 9), sampleLimit: limit, batchSize: 3)
      #expect(sliding.batchCount == blocked.batchCount && sliding.sampleCount == blocked.sampleCount)
      for index in 0..<blocked.batchCount { #expect(sliding.batch(index) == blocked.batch(index)) }
    }
  }

  @Test func `each target of several shards counts once`() throws {
    try withShard(someText(count: 41)) { first in
      try withShard(someText(count: 33, seed: 2)) { second in
        let data = try SlidingWindows(
          paths: [first, second], format: .auto, context: 8, stride: 4, sampleLimit: nil, batchSize: 5, name: "--tokens"
        )
        let batches = (0..<data.batchCount).map(data.batch)
        #expect(batches.reduce(0) { $0 + $1.targetCount } == 40 + 32)
        #expect(data.sampleCount == 9 + 7)
      }
    }
  }

  @Test func `a text that fills no context is refused`() throws {
    try withShard(someText(count: 12)) { path in
      let error = #expect(throws: TokenError.self) { try windows(path, context: 12, stride: 6) }
      let text = "\(try #require(error))"
      #expect(text.contains("a file of 13 ids or more"), "\(text)")
    }
  }

  @Test(arguments: [2, 3, 5]) func `ranks find what one finds, to the bit`(rankCount: Int) throws {
    let ids = someText(count: 130)
    let alone = try withShard(ids) { path in try numbers(path, rankCount: 1) }
    let together = try withShard(ids) { path in try numbers(path, rankCount: rankCount) }
    #expect(alone.count == 1 && together.count == rankCount)
    for found in together { #expect(found == alone[0]) }
  }

  /// What each rank knows in the end.
  private func numbers(_ path: String, rankCount: Int) throws -> [[Double]] {
    try ThreadGroup.run(size: rankCount) { group in
      let small = try SmallModel(.cat)
      let evaluation = TextEvaluation(model: small.model, backend: small.backend, group: group)
      let parts = try evaluation.run(windows(path, context: 12, stride: 6), chunkSize: 3)
      return parts.flatMap { [$0.lossSum, Double($0.targetCount), Double($0.correctCount), Double($0.tokenCount)] }
    }
  }

  @Test func `memory that the host cannot reach gives the same bits`() throws {
    let question = ChoiceQuestion(context: "abc", choices: ["d", "efgh"], answer: 1)
    let found = try withShard(someText(count: 60)) { path in
      try [CPUBackend(threadCount: 1) as any Backend, HiddenBackend()].map { backend in
        let small = try SmallModel(.cat, backend: backend)
        let text = TextEvaluation(model: small.model, backend: backend, group: SoloGroup())
        let choices = try ChoiceEvaluation(
          [question], model: small.model, tokenizer: ByteTokenizer(), backend: backend, group: SoloGroup(), batchSize: 2
        )
        let losses = try text.run(windows(path, context: 12, stride: 5), chunkSize: 4).map(\.lossSum)
        return losses + [try choices.run(chunkSize: 4).lossSum]
      }
    }
    #expect(found[0] == found[1] && found[0].allSatisfy { $0 > 0 })
  }

  @Test func `special tokens and unknown ids have no bytes`() throws {
    let tokenizer = try TokenizerChoice.file(Fixtures.tokenizer).load()
    let counts = tokenizer.byteCounts
    #expect(counts.count == tokenizer.vocabularySize)
    for text in ["The quick brown fox", "naïve café – 你好", "  spaces\n\n"] {
      let ids = tokenizer.encode(Array(text.utf8), addsSpecial: false)
      #expect(ids.reduce(0) { $0 + counts[Int($1)] } == text.utf8.count)
    }
    let end = try #require(tokenizer.endOfDocument)
    #expect(counts[Int(end)] == 0)
  }
}
