import CPUBackend
import Foundation
import HiddenBackend
import Models
import Parallel
import TensorCore
import Testing
import TokenData

@testable import Training

/// Runs whose samples are cut at the boundaries of documents.
struct DocumentRunTests {
  private let scratch: Scratch

  init() throws { scratch = try Scratch() }

  /// Documents of many lengths, by lot.
  private func shard(_ name: String = "docs", seed: UInt64 = 1, count: Int = 90) throws -> String {
    var state = seed
    func below(_ limit: Int) -> Int {
      // Knuth's MMIX.
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % limit
    }
    var writer = TokenShardWriter(
      prefix: scratch.file(name), split: .training, vocabularySize: 24, keepsDocuments: true)
    for _ in 0..<count {
      let length = 1 + below(below(3) == 0 ? 40 : 7)
      try writer.append((0..<length).map { _ in Int32(below(24)) }, beginsDocument: true)
    }
    return try writer.finish()[0]
  }

  private func config(_ overrides: [String] = [], model: String? = nil) throws -> RunConfig {
    let shard = try shard()
    return try SmallRun.tokens(
      scratch, ["data.train=\(shard)", "data.document_boundaries=reset"] + overrides, model: model)
  }

  private func run(_ name: String) -> RunInDirectory { RunInDirectory(directory: scratch.file(name)) }

  @Test(arguments: [[], ["train.accumulation=1"], ["train.accumulation=4", "train.recompute=blocks"]])
  func `a step's loss and gradient are those of the pieces as samples of their own`(overrides: [String]) throws {
    let config = try config(overrides + ["optimizer.clip_norm=0"])
    let run = try StepRun(config, group: SoloGroup())
    let result = try run.step(0, isStopRequested: false)
    let alone = try StepRun(config, group: SoloGroup())
    let backend = CPUBackend(threadCount: 1)
    let gradients = try #require(alone.model.parameters.gradients)
    backend.fill(gradients, with: 0)
    let data = try config.data.training(seed: config.train.seed)
    var sum = 0.0
    for (index, chunkSize) in result.chunkSizes.enumerated() {
      let share = BatchShare(
        batchSize: config.train.batchSize, accumulation: config.train.accumulation, rank: 0, rankCount: 1)
      let batch = data.batch(step: 0, globalBatch: config.train.batchSize, samples: share.samples(microBatch: index))
      var start = 0
      for length in batch.lengths {
        let range = start..<start + length
        start = range.upperBound
        let tape = Tape(backend: backend, isRecording: true)
        sum +=
          alone.model.loss(
            ids: Array(batch.inputs[range]), targets: Array(batch.targets[range]), sampleCount: 1, length: length,
            chunkSize: chunkSize, gradientScale: 1 / Float(result.targetCount), tape: tape
          ).lossSum
        tape.backward()
      }
    }
    #expect(result.targetCount < config.train.batchSize * 12)
    #expect(abs(sum / Double(result.targetCount) - result.loss) <= 1e-6 * result.loss)
    let norm = backend.sumOfSquares(gradients).squareRoot()
    #expect(abs(norm - result.gradientNorm) <= 1e-5 * norm)
  }

  @Test(arguments: [2, 3], [[], ["train.accumulation=1", "parallel.shard_optimizer=true"]])
  func `any number of ranks trains on the same pieces`(rankCount: Int, overrides: [String]) throws {
    let config = try config(overrides)
    let alone = try StepRun.curves(config, rankCount: 1)[0]
    #expect(Set(alone.targetCounts).count > 1)
    for curve in try StepRun.curves(config, rankCount: rankCount) {
      #expect(curve.targetCounts == alone.targetCounts && curve.chunkSizes == alone.chunkSizes)
      for (one, other) in zip(curve.losses, alone.losses) { #expect(abs(one - other) <= 1e-6 * other) }
    }
  }

  @Test func `micro-batches of documents of one token change nothing but the count`() throws {
    var writer = TokenShardWriter(
      prefix: scratch.file("ones"), split: .training, vocabularySize: 24, keepsDocuments: true)
    for id in 0..<400 { try writer.append([Int32(id % 24)], beginsDocument: id < 300) }
    let shard = try writer.finish()[0]
    let config = try config(["data.train=\(shard)", "train.batch_size=4", "train.accumulation=4", "train.steps=4"])
    for rankCount in [1, 2] {
      let curves = try StepRun.curves(config, rankCount: rankCount)
      for curve in curves {
        #expect(curve.targetCounts.allSatisfy { $0 % 12 == 0 })
        // Without any target, the mean of the losses is 0.
        for (count, loss) in zip(curve.targetCounts, curve.losses) { #expect(count == 0 ? loss == 0 : loss > 1) }
      }
    }
  }

  @Test(arguments: VariantRunTests.kinds)
  func `a resumed run of any kind gives the uninterrupted one, bit for bit`(of kind: VariantRunTests.Kind) throws {
    let sizes = kind.chunkSizes.map(String.init).joined(separator: ", ")
    try expectResumed(["train.chunk_sizes=[\(sizes)]"], model: "model: \(kind.model)\n")
  }

  @Test(arguments: [[], ["train.recompute=blocks"], ["train.precision=bfloat16"]])
  func `a resumed run gives the uninterrupted one, bit for bit`(overrides: [String]) throws {
    try expectResumed(overrides, model: nil)
  }

  private func expectResumed(_ overrides: [String], model: String?) throws {
    let (whole, parts) = (run("whole"), run("parts"))
    let own = try overrides + ["data.validation=\(shard("other", seed: 7))", "train.validation_interval=2"]
    try whole.train(config(own, model: model))
    for steps in [4, 8] { try parts.train(config(own + ["train.steps=\(steps)"], model: model)) }
    #expect(try parts.tensors(8) == whole.tensors(8))
    #expect(try parts.records() == whole.records())
  }

  @Test(arguments: [1, 2], [[], ["train.recompute=attention"], ["train.accumulation=1"]])
  func `a run on memory that the host cannot reach is the same to the bit`(
    rankCount: Int, overrides: [String]
  ) throws {
    let (hidden, plain) = (run("hidden"), run("plain"))
    let config = try config(overrides + ["data.validation=\(shard("other", seed: 7))"])
    for (run, isHidden) in [(hidden, true), (plain, false)] {
      _ = try ThreadGroup.run(size: rankCount) { group in
        let kernels = CPUBackend(threadCount: 1)
        try run.trainer(config, group: group, backend: isHidden ? HiddenBackend(kernels) : kernels).run(.automatic)
      }
    }
    #expect(try hidden.tensors(8) == plain.tensors(8))
    #expect(try hidden.records() == plain.records())
  }

  @Test func `without a boundary a run is the one that ignores them`() throws {
    var writer = TokenShardWriter(
      prefix: scratch.file("one"), split: .training, vocabularySize: 24, keepsDocuments: true)
    try writer.append((0..<500).map { Int32($0 * $0 % 24) }, beginsDocument: true)
    let shard = try writer.finish()[0]
    let (cut, whole) = (run("cut"), run("ignored"))
    try cut.train(config(["data.train=\(shard)"]))
    try whole.train(SmallRun.tokens(scratch, ["data.train=\(shard)"]))
    #expect(try cut.tensors(8) == whole.tensors(8))
    #expect(try cut.records() == whole.records())
  }

  @Test func `other boundaries are another run's data`() throws {
    let begun = run("begun")
    try begun.train(config(["train.steps=2"]))
    let shard = try shard()
    func message(_ configuration: RunConfig) -> String {
      do {
        try begun.train(configuration)
        return ""
      } catch {
        return "\(error)"
      }
    }
    #expect(message(try SmallRun.tokens(scratch, ["data.train=\(shard)"])).contains("data.document_boundaries"))
    let index = DocumentIndex.path(besideShard: shard)
    let bytes = try Data(contentsOf: URL(filePath: index))
    var other = bytes
    // Some document begins one id earlier.
    let place = try #require((16..<bytes.count / 8).first { bytes[8 * $0] > bytes[8 * $0 - 8] &+ 1 })
    other[8 * place] -= 1
    try other.write(to: URL(filePath: index))
    let changed = try SmallRun.tokens(scratch, ["data.train=\(shard)", "data.document_boundaries=reset"])
    #expect(message(changed).contains("content of shard 1"))
    try bytes.write(to: URL(filePath: index))
    #expect(message(changed).isEmpty)
  }

  @Test(arguments: Recomputation.allCases, ["[2]", "[1, 2, 4, 8]", "[8]"])
  func `the memory is predicted for the samples of most documents`(
    recomputation: Recomputation, sizes: String
  ) throws {
    let config = try config([
      "train.recompute=\(recomputation.rawValue)", "train.chunk_sizes=\(sizes)", "train.batch_size=32",
      "train.accumulation=1", "train.steps=24", "checkpoint.interval=0",
    ])
    let data = try config.data.training(seed: config.train.seed)
    let plan = MemoryPlan(
      config, rank: 0, rankCount: 1, mostSequences: data.mostSequences,
      makeBackend: { CPUBackend(threadCount: 1, computes: false) })
    let trainer = try run("run").trainer(config)
    try trainer.run(.fresh)
    let held = trainer.backend.peakBytes
    #expect(
      held <= plan.tensorBytes && Double(plan.tensorBytes) <= 1.6 * Double(held), "\(held) of \(plan.tensorBytes)")
  }
}
