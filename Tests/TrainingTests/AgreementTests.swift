import CPUBackend
import Parallel
import TensorCore
import Testing

@testable import Training

struct AgreementTests {
  /// The differences that each rank sees when rank `r` brings `digests[r]` of the weights.
  private static func differences(_ digests: [Int]) throws -> [[Agreement.Difference]] {
    try ThreadGroup.run(size: digests.count) { group in
      var agreement = Agreement()
      agreement.add("configuration", ContentDigest("the same"))
      agreement.add("weights", ContentDigest([digests[group.rank]]))
      return try agreement.differences(in: group)
    }
  }

  @Test(arguments: [
    ([7], []), ([7, 7], []), ([7, 7, 7, 7], []), ([7, 8, 7], [1]), ([8, 7, 7, 7], [0]), ([7, 7, 8, 9, 7], [2, 3]),
  ])
  func `ranks that differ from the majority are named`(digests: [Int], ranks: [Int]) throws {
    let expected =
      ranks.isEmpty ? [] : [Agreement.Difference(subject: "weights", ranks: ranks, hasMajority: true)]
    #expect(try Self.differences(digests) == digests.map { _ in expected })
  }

  @Test(arguments: [[7, 8], [7, 7, 8, 8], [7, 8, 9]])
  func `without a majority all ranks are named`(digests: [Int]) throws {
    let expected = Agreement.Difference(subject: "weights", ranks: Array(digests.indices), hasMajority: false)
    #expect(try Self.differences(digests) == digests.map { _ in [expected] })
  }

  /// What a check says on three ranks after one of them has been tampered with.
  private static func messages(
    overrides: [String] = [], _ tamper: @escaping @Sendable (Trainer) -> Void
  ) throws -> [String?] {
    try ThreadGroup.run(size: 3) { group in
      let config = try SmallRun.recall(group.rank == 1 ? overrides : [])
      let trainer = try Trainer(
        config, runDirectory: "unused", group: group, backend: CPUBackend(threadCount: 1),
        host: TrainerHost(threadCount: 1, blasCore: "test", summary: "a test"), logger: Messages().logger())
      trainer.model.parameters.initialize(config.model.specs(scheme: .fla), seed: 1)
      if group.rank == 1 { tamper(trainer) }
      do {
        try trainer.checkAgreement()
        return nil
      } catch let error as TrainerError {
        #expect(!error.isUserError)
        return error.description
      }
    }
  }

  @Test func `equal ranks agree`() throws {
    #expect(try Self.messages { _ in } == [nil, nil, nil])
  }

  @Test(arguments: [0, 1, 4095, -1], [0, 15, 31])
  func `one bit of one weight of one rank is found and the rank named`(place: Int, bit: Int) throws {
    let messages = try Self.messages { trainer in
      let weights = trainer.model.parameters.weights
      let start = place < 0 ? weights.count - 1 : place
      let weight = weights.rows(start..<start + 1)
      weight.assign(weight.values.map { Float(bitPattern: $0.bitPattern ^ 1 << bit) })
    }
    let expected = "before step 1: rank 1 differs from the others in weights"
    #expect(messages == [expected, expected, expected])
  }

  @Test func `another step is found with all that hangs on it`() throws {
    for message in try Self.messages({ $0.state.step = 5 }) {
      let text = try #require(message)
      #expect(text.contains("rank 1 differs from the others in step"), "\(text)")
      #expect(text.contains("rank 1 differs from the others in samples") && !text.contains("weights"), "\(text)")
    }
  }

  @Test func `another configuration is found`() throws {
    let messages = try Self.messages(overrides: ["optimizer.learning_rate=2e-3"]) { _ in }
    for message in messages {
      #expect(message?.hasSuffix("rank 1 differs from the others in configuration") == true, "\(message ?? "nothing")")
    }
  }

  @Test(arguments: [1, 7, 31, 32, 33, 64, 1000])
  func `every bit counts in a digest`(byteCount: Int) {
    let bytes = (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 &* 37) }
    let digest = ContentDigest(bytes).value
    for bit in 0..<byteCount * 8 {
      var changed = bytes
      changed[bit / 8] ^= 1 << (bit % 8)
      #expect(ContentDigest(changed).value != digest, "bit \(bit)")
    }
    #expect(ContentDigest(bytes + [0]).value != digest)
  }
}
