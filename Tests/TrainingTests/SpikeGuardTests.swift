import Checkpoints
import Parallel
import Testing

@testable import Training

struct SpikeGuardTests {
  private let scratch: Scratch

  init() throws { scratch = try Scratch() }

  private func config(_ overrides: [String] = []) throws -> TrainConfig {
    try SmallRun.recall(["train.spike_threshold=3", "train.spike_window=4"] + overrides).train
  }

  @Test func `a loss far above those before it at the same chunk sizes stands out, once there are enough of them`()
    throws
  {
    var spikes = SpikeGuard(try config(), losses: [:])
    // The first four fill the window. From the sixth on it holds 2.1, 1.9, 2, 2: mean 2, deviation 0.0707.
    let losses = [2.0, 9, 2.1, 1.9, 2, 2, 2.2, 5, 0.1]
    let found = losses.map { spikes.isSpike($0, chunkSizes: [4]) }
    #expect(found == [false, false, false, false, false, false, false, true, false])
    let other = spikes.isSpike(50, chunkSizes: [2])
    #expect(!other && spikes.losses == ["4": [2, 2.2, 5, 0.1], "2": [50]])
  }

  @Test func `a level that lasts is accepted`() throws {
    var spikes = SpikeGuard(try config(), losses: ["4": [1, 1.1, 1, 1.1]])
    let found = (0..<6).map { _ in spikes.isSpike(8, chunkSizes: [4]) }
    #expect(found[0] && !found[5])
  }

  @Test func `without a threshold nothing is kept, with a shorter window what fits`() throws {
    var off = SpikeGuard(try SmallRun.recall().train, losses: ["4": [1, 1, 1, 1]])
    let isSpike = off.isSpike(1e9, chunkSizes: [4])
    #expect(!isSpike && off.losses.isEmpty)
    let short = SpikeGuard(try config(), losses: ["4": [1, 2, 3, 4, 5, 6]])
    #expect(short.losses == ["4": [3, 4, 5, 6]])
  }

  @Test func `a run with skipped spikes resumes bit for bit`() throws {
    let overrides = ["train.spike_threshold=1", "train.spike_window=4", "train.steps=32", "train.chunk_sizes=[2]"]
    let whole = RunInDirectory(directory: scratch.file("whole"))
    try whole.train(SmallRun.tokens(scratch, overrides))
    let parts = RunInDirectory(directory: scratch.file("parts"))
    for steps in [10, 22, 32] { try parts.train(SmallRun.tokens(scratch, overrides + ["train.steps=\(steps)"])) }
    #expect(try parts.records() == whole.records())
    #expect(try parts.tensors(32) == whole.tensors(32))
    let state = try #require(try CheckpointDirectory(verifying: parts.checkpoint(32)).state)
    #expect(state.spikeTotal > 0 && state.skippedTotal == state.spikeTotal && state.skippedInARow == 0)
    #expect(try whole.records().count { $0["spike"] == .flag(true) } == state.spikeTotal)
    #expect(whole.messages.all.count { $0.hasPrefix("update skipped: the loss stands out") } == state.spikeTotal)
    #expect(state.recentLosses["2,2"]?.count == 4)
  }

  @Test func `a spike leaves weights, moments and the count of updates alone, on all ranks`() throws {
    let config = try SmallRun.recall()
    let unchanged = try ThreadGroup.run(size: 2) { group in
      let run = try StepRun(config, group: group)
      let (step, model, optimizer) = (run.step, run.model, run.optimizer)
      _ = try step(0, isStopRequested: false)
      let before = (model.parameters.weights.values, optimizer.secondMoments.values)
      let result = try step(1, isStopRequested: false, isSaveRequested: group.rank == 0, lossLimit: 0)
      #expect(result.isSpike && !result.isUpdated && result.saveRequestCount == 1)
      return model.parameters.weights.values == before.0 && optimizer.secondMoments.values == before.1
        && optimizer.updateCount == 1
    }
    #expect(unchanged == [true, true])
  }
}

extension SpikeGuard {
  /// Whether a finite loss stands out; takes note of it.
  fileprivate mutating func isSpike(_ loss: Double, chunkSizes: [Int]) -> Bool {
    defer { note(loss, chunkSizes: chunkSizes) }
    return loss > limit(chunkSizes: chunkSizes)
  }
}
