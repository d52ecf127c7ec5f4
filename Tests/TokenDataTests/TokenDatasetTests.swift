import Testing

@testable import TokenData

@Suite struct TokenDatasetTests {
  /// Shards of these lengths; ids count on through all of them.
  static func shards(_ counts: [Int], in scratch: Scratch, split: TokenSplit = .training) throws -> [String] {
    var first: Int32 = 0
    return try counts.enumerated().map { number, count in
      let path = scratch.file("x_\(split.rawValue)_00000\(number).bin")
      try TokenShardWriter.write((first..<first + Int32(count)).map { $0 }, vocabularySize: 65536, to: path)
      first += Int32(count)
      return path
    }
  }

  @Test func `windows begin every T ids of a shard and never span two`() throws {
    let scratch = try Scratch()
    let dataset = try TokenDataset(paths: Self.shards([9, 4, 0, 5, 14], in: scratch), context: 4)
    #expect(dataset.sampleCount == 2 + 0 + 0 + 1 + 3)
    let batch = dataset.batch(indices: Array(0..<6))
    let starts: [Int32] = [0, 4, 13, 18, 22, 26]
    #expect(batch.inputs == starts.flatMap { $0..<$0 + 4 })
    #expect(batch.targets == starts.flatMap { $0 + 1..<$0 + 5 })
    #expect(batch.lengths == Array(repeating: 4, count: 6) && batch.targetCount == 24)
  }

  @Test func `data that is too short is refused with its numbers`() throws {
    let scratch = try Scratch()
    let paths = try Self.shards([4, 3], in: scratch)
    let error = #expect(throws: TokenError.self) { try TokenDataset(paths: paths, context: 4) }
    #expect(
      error?.description == paths.joined(separator: ", ")
        + ": found at most 4 ids in a file, in 2 files; allowed: a file of 5 ids or more, for a context of 4")
  }

  @Test func `directories and patterns stand for their shards`() throws {
    let scratch = try Scratch()
    let training = try Self.shards([9, 9], in: scratch)
    let validation = try Self.shards([5], in: scratch, split: .validation)
    try scratch.write([1], "notes.txt")
    #expect(try ShardPaths.expand([scratch.path], split: .training) == training)
    #expect(try ShardPaths.expand([scratch.path], split: .validation) == validation)
    #expect(try ShardPaths.expand([scratch.path]) == training + validation)
    #expect(try ShardPaths.expand([scratch.file("*_val_*"), training[1]]) == validation + [training[1]])
    let empty = try Scratch()
    for path in [scratch.file("*.npy"), empty.path] {
      let error = #expect(throws: TokenError.self) { try ShardPaths.expand([path]) }
      #expect(error?.file == path)
    }
  }

  @Test func `a directory without the wanted split is refused`() throws {
    let scratch = try Scratch()
    _ = try Self.shards([9], in: scratch)
    #expect(throws: TokenError.self) { try ShardPaths.expand([scratch.path], split: .validation) }
  }

  @Test(arguments: [1, 2, 3, 4, 8]) func `any split of a global batch over ranks gives the same samples`(ranks: Int)
    throws
  {
    let scratch = try Scratch()
    let dataset = try TokenDataset(paths: Self.shards([101, 57], in: scratch), context: 4)
    let data: [any TrainingData] = [
      TokenTrainingData(dataset: dataset, seed: 1, vocabularySize: nil),
      MQARTrainingData(
        task: MQARTask(vocabularySize: 64),
        segments: [.init(length: 16, pairCount: 2), .init(length: 32, pairCount: 8)], seed: 1),
    ]
    for data in data {
      for step in 0..<12 {
        let whole = data.batch(step: step, globalBatch: 13, samples: 0..<13)
        var inputs: [Int32] = []
        var targets: [Int32] = []
        for rank in 0..<ranks {
          let part = data.batch(step: step, globalBatch: 13, samples: 13 * rank / ranks..<13 * (rank + 1) / ranks)
          inputs += part.inputs
          targets += part.targets
        }
        #expect(inputs == whole.inputs && targets == whole.targets)
      }
    }
  }

  @Test func `an epoch shows every window once, in its own order`() throws {
    let scratch = try Scratch()
    let dataset = try TokenDataset(paths: Self.shards([101, 57], in: scratch), context: 4)
    let data = TokenTrainingData(dataset: dataset, seed: 1, vocabularySize: nil)
    let count = dataset.sampleCount
    #expect(data.samplesPerEpoch == 39 && count == 39)
    // One sample a step shows the order; thirteen a step must show the same one.
    let order = (0..<3 * count).map { data.batch(step: $0, globalBatch: 1, samples: 0..<1).inputs[0] }
    let wide = (0..<9).flatMap { step in
      let batch = data.batch(step: step, globalBatch: 13, samples: 0..<13)
      return (0..<13).map { batch.inputs[$0 * 4] }
    }
    #expect(order == wide)
    let epochs = (0..<3).map { Array(order[$0 * count..<($0 + 1) * count]) }
    for epoch in epochs { #expect(Set(epoch).count == count) }
    #expect(epochs[0] != epochs[1] && epochs[1] != epochs[2])
    #expect(data.cursor(step: 7, globalBatch: 13) == (2, 13))
    // A batch that is larger than the data goes through it several times.
    #expect(data.batch(step: 0, globalBatch: 100, samples: 0..<100).lengths.count == 100)
  }

  @Test func `validation covers the windows in order, or evenly spaced`() throws {
    let scratch = try Scratch()
    let dataset = try TokenDataset(paths: Self.shards([41], in: scratch), context: 4)
    func starts(_ data: TokenValidationData) -> [Int32] {
      (0..<data.batchCount).flatMap { index in
        let batch = data.batch(index)
        return batch.lengths.indices.map { batch.inputs[$0 * 4] }
      }
    }
    let all = TokenValidationData(dataset: dataset, sampleLimit: nil, batchSize: 4)
    #expect(all.batchCount == 3 && starts(all) == (0..<10).map { $0 * 4 })
    let some = TokenValidationData(dataset: dataset, sampleLimit: 4, batchSize: 3)
    #expect(some.batchCount == 2 && starts(some) == [0, 8, 20, 28])
    #expect(starts(TokenValidationData(dataset: dataset, sampleLimit: 99, batchSize: 99)).count == 10)
  }

  @Test func `ids beyond the model's vocabulary are refused on request`() throws {
    let scratch = try Scratch()
    let paths = try Self.shards([9, 9], in: scratch)
    let data = TokenTrainingData(dataset: try TokenDataset(paths: paths, context: 4), seed: 1, vocabularySize: nil)
    try data.requireIDs(below: 18)
    let error = #expect(throws: TokenError.self) { try data.requireIDs(below: 17) }
    #expect(
      error?.description == "\(paths[1]): found id 17 at position 8 (byte 1040); allowed: 0..<17, the vocabulary")
  }
}
