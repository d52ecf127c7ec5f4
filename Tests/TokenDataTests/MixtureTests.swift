import Randomness
import Testing

@testable import TokenData

@Suite struct MixtureTests {
  @Test(arguments: [
    ([1.0], [1]), ([0.7, 0.2, 0.1], [7, 2, 1]), ([2, 4], [1, 2]), ([1e-6, 1e-6], [1, 1]), ([1e9, 5e8], [2, 1]),
    ([0.333, 0.667], [333, 667]), ([1, 0.00001], [100_000, 1]), ([30, 0.5], [60, 1]),
  ])
  func `weights are taken as the decimal numbers that they are written as`(weights: [Double], shares: [Int]) throws {
    #expect(try #require(MixtureCycle(weights: weights)).shares == shares)
  }

  @Test func `weights that need a long cycle are none`() {
    #expect(MixtureCycle(weights: [1, 0.3333333]) == nil)
    #expect(MixtureCycle(weights: [1e9, 1e-6]) == nil)
  }

  @Test func `every beginning holds what the weights say within one sample`() throws {
    var random = SystemRandom(seed: 3)
    for _ in 0..<60 {
      let weights = (0..<1 + random.below(9)).map { _ in Double(1 + random.below(random.below(2) == 0 ? 9 : 300)) / 10 }
      let cycle = try #require(MixtureCycle(weights: weights))
      let total = cycle.shares.reduce(0, +)
      var counts = [Int](repeating: 0, count: weights.count)
      for sample in 0..<2 * cycle.count + 7 {
        let (source, before) = cycle[sample]
        #expect(before == counts[source], "\(weights): sample \(sample)")
        counts[source] += 1
        // |count − (sample + 1) · share / total| < 1, in integers.
        let isExact = zip(counts, cycle.shares).allSatisfy { abs($0 * total - (sample + 1) * $1) < total }
        guard isExact else {
          Issue.record("\(weights): \(counts) after \(sample + 1) samples")
          break
        }
      }
    }
  }

  @Test func `a long cycle of a heavy source and many light ones is exact`() throws {
    let cycle = try #require(MixtureCycle(weights: [0.91] + [Double](repeating: 0.01, count: 9)))
    var counts = [Int](repeating: 0, count: 10)
    for sample in 0..<1000 {
      counts[cycle[sample].source] += 1
      for (count, share) in zip(counts, cycle.shares) { #expect(abs(count * 100 - (sample + 1) * share) < 100) }
    }
  }

  // MARK: Of shards

  /// Sources with so many windows of 4 ids each; the ids of source s begin at 1000 · s.
  private static func data(
    windows: [Int], weights: [Double], seed: UInt64, in scratch: Scratch
  ) throws -> TokenTrainingData {
    let sources = try windows.enumerated().map { number, count in
      let path = scratch.file("source\(number).bin")
      let ids = (0..<Int32(4 * count + 1)).map { $0 + 1000 * Int32(number) }
      try TokenShardWriter.write(ids, vocabularySize: 65536, to: path)
      return DataSource(paths: [path], weight: weights[number])
    }
    return try TokenTrainingData(sources, key: "data.sources", context: 4, seed: seed, vocabularySize: nil)
  }

  /// The windows of some steps: source and number.
  private static func windows(
    _ data: TokenTrainingData, steps: Range<Int>, batch: Int
  ) -> [(source: Int, window: Int)] {
    steps.flatMap { step in
      let batch = data.batch(step: step, globalBatch: batch, samples: 0..<batch)
      return batch.lengths.indices.map { sample in
        let first = Int(batch.inputs[4 * sample])
        return (first / 1000, first % 1000 / 4)
      }
    }
  }

  @Test(arguments: [1, 2, 3, 4]) func `samples do not depend on ranks, or on where a run goes on`(ranks: Int) throws {
    var random = SystemRandom(seed: 8)
    for _ in 0..<8 {
      let scratch = try Scratch()
      let counts = (0..<1 + random.below(4)).map { _ in 1 + random.below(50) }
      let weights = counts.map { _ in Double(1 + random.below(20)) / 4 }
      let data = try Self.data(windows: counts, weights: weights, seed: UInt64(random.below(1000)), in: scratch)
      let batch = 1 + random.below(13)
      for step in [0, 1, 7, 1000, 123_456] {
        let whole = data.batch(step: step, globalBatch: batch, samples: 0..<batch)
        let parts = (0..<ranks).map {
          data.batch(step: step, globalBatch: batch, samples: batch * $0 / ranks..<batch * ($0 + 1) / ranks)
        }
        #expect(parts.flatMap(\.inputs) == whole.inputs && parts.flatMap(\.targets) == whole.targets)
      }
    }
  }

  @Test func `each source has epochs of its own, each in another order`() throws {
    var random = SystemRandom(seed: 21)
    for _ in 0..<10 {
      let scratch = try Scratch()
      let counts = [12 + random.below(30), 12 + random.below(30), 12 + random.below(30)]
      let weights = (0..<3).map { _ in Double(1 + random.below(9)) }
      let seed = UInt64(random.below(99))
      let data = try Self.data(windows: counts, weights: weights, seed: seed, in: scratch)
      let drawn = Self.windows(data, steps: 0..<120, batch: 7)
      for source in 0..<3 {
        let windows = drawn.filter { $0.source == source }.map(\.window)
        let epochs = (0..<windows.count / counts[source]).map {
          Array(windows[$0 * counts[source]..<($0 + 1) * counts[source]])
        }
        for epoch in epochs { #expect(epoch.sorted() == Array(0..<counts[source])) }
        for (one, other) in zip(epochs, epochs.dropFirst()) { #expect(one != other) }
        // The order is that of the source alone, whatever the others and the weights are.
        let expected = (0..<windows.count).map { place in
          KeyedPermutation(
            count: counts[source], seed: seed, epoch: place / counts[source], source: source)[
              place % counts[source]]
        }
        #expect(windows == expected)
      }
    }
  }

  @Test func `one source is what data.train gives`() throws {
    let scratch = try Scratch()
    let mixed = try Self.data(windows: [40], weights: [3], seed: 5, in: scratch)
    let plain = TokenTrainingData(
      dataset: try TokenDataset(paths: [scratch.file("source0.bin")], context: 4), seed: 5, vocabularySize: nil)
    for step in 0..<20 {
      #expect(
        mixed.batch(step: step, globalBatch: 6, samples: 0..<6)
          == plain.batch(step: step, globalBatch: 6, samples: 0..<6))
    }
    #expect(mixed.samplesPerEpoch == 40 && mixed.cursor(step: 9, globalBatch: 6) == (1, 14))
  }

  @Test func `what is wrong with a source is said by its place in the list`() throws {
    let scratch = try Scratch()
    try TokenShardWriter.write([1, 2], vocabularySize: 9, to: scratch.file("short.bin"))
    try TokenShardWriter.write([1, 2, 3, 4, 5, 6], vocabularySize: 9, to: scratch.file("long.bin"))
    func error(_ sources: [DataSource]) -> String? {
      #expect(throws: TokenError.self) {
        try TokenTrainingData(sources, key: "data.sources", context: 4, seed: 1, vocabularySize: nil)
      }?.description
    }
    let long = DataSource(paths: [scratch.file("long.bin")])
    #expect(error([long, DataSource(paths: ["absent"])])?.hasPrefix("data.sources[1].path: absent: found") == true)
    #expect(
      error([DataSource(paths: [scratch.file("short.bin")]), long])?.hasPrefix("data.sources[0].path: ") == true)
    #expect(
      error([long, DataSource(paths: long.paths, weight: 0.3333333)])
        == "data.sources: found weights 1.0, 0.3333333; allowed: weights whose ratios hold in 1000000 samples: numbers "
        + "with fewer digits")
  }

  @Test func `a summary has every source`() throws {
    let scratch = try Scratch()
    let data = try Self.data(windows: [40, 10], weights: [3, 1], seed: 5, in: scratch)
    #expect(data.sources.map(\.share) == [0.75, 0.25] && data.sources.map(\.sampleCount) == [40, 10])
    #expect(
      data.samplesPerEpoch == nil && data.tokenCount == 161 + 41 && data.cursor(step: 2, globalBatch: 8) == (0, 16))
  }
}
