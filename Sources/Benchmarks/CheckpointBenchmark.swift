internal import Checkpoints
internal import Foundation
package import Logging
package import MemoryPlans
internal import Parallel
package import TensorCore
package import Training

/// Seconds of one checkpoint in each way, a number for each round.
package struct CheckpointMeasurement: Sendable {
  package var parameterCount = 0
  /// Bytes of weights and moments.
  package var byteCount = 0
  /// Training steps of ``CheckpointBenchmark/stepSampleCount`` samples with nothing beside them.
  package var stepSeconds: [Double] = []
  /// The three parts of the plain way: a copy in memory, its SHA-256, a file of it that lasts.
  package var copySeconds: [Double] = []
  package var digestSeconds: [Double] = []
  package var writeSeconds: [Double] = []
  /// A checkpoint that training waits for.
  package var blockingSeconds: [Double] = []
  /// How long one in the background held training up, and how long its writing took.
  package var stallSeconds: [Double] = []
  package var backgroundSeconds: [Double] = []
  /// What a core worked for the writing in the background.
  package var backgroundProcessorSeconds: [Double] = []
  /// What the steps beside it took longer than they do alone, the stall included.
  package var lostSeconds: [Double] = []
}

/// Times checkpoints of a run against a plain copy, digest and write of the same bytes, turn by turn.
package struct CheckpointBenchmark {
  /// Samples of a measured step: the shortest step that the model can make.
  package static let stepSampleCount = 1

  private let training: TrainBenchmark
  private let directory: String
  private let files: RunFiles
  private let blocking: CheckpointSaver
  private let background: CheckpointSaver
  private let plain: SnapshotMemory

  /// - Parameters:
  ///   - config: the run; only its model, optimizer and checkpoints count.
  ///   - directory: a directory of this benchmark's own, on the file system that is to be measured.
  package init(_ config: RunConfig, directory: String, backend: any Backend, logger: Logger) throws {
    training = try TrainBenchmark(Self.workload(config), backend: backend)
    self.directory = directory
    files = RunFiles(
      directory: try RunDirectory(path: directory), model: training.model, optimizer: training.optimizer, config: config
    )
    blocking = try CheckpointSaver(files, mode: .blocking, logger: logger)
    background = try CheckpointSaver(files, mode: .asynchronous, logger: logger)
    plain = try SnapshotMemory(byteCount: files.tensorBytes)
  }

  private static func workload(_ config: RunConfig) -> TrainWorkload {
    TrainWorkload(
      config: config.model, sampleCount: stepSampleCount, context: config.data.context + 1,
      chunkSize: config.train.chunks.sizes.max() ?? 1)
  }

  /// Refuses a model that has no room.
  ///
  /// - Parameter makePlanner: gives a backend that computes nothing, new each time.
  package static func requireRoom(_ config: RunConfig, _ room: MemoryRoom, makePlanner: () -> any Backend) throws {
    // Two copies of weights and moments: of the plain way, and of the one in the background.
    let copyBytes = 2 * 3 * 4 * config.model.specs(scheme: .fla).reduce(0) { $0 + $1.count }
    try workload(config).requireRoom(
      room, group: SoloGroup(), partners: SoloGroup(),
      settings: ParallelConfig(), furtherBytes: copyBytes, makeBackend: makePlanner
    )
  }

  /// - Parameter report: told of each round that is done.
  package func run(rounds: Int, report: (Int) -> Void) throws -> CheckpointMeasurement {
    var measurement = CheckpointMeasurement()
    measurement.parameterCount = training.model.parameters.count
    measurement.byteCount = files.tensorBytes
    try training.step(0)
    for round in 1...rounds {
      try measurePlain(&measurement)
      measurement.blockingSeconds.append(try seconds { try blocking.save(state(2 * round), isLast: false) })
      try measureBackground(state(2 * round + 1), &measurement)
      report(round)
    }
    return measurement
  }

  /// Seconds of a few steps with nothing beside them.
  private func stepsAlone() throws -> [Double] {
    try (1...3).map { step in try seconds { try training.step(step) } }
  }

  private func measurePlain(_ measurement: inout CheckpointMeasurement) throws {
    measurement.copySeconds.append(seconds { unsafe files.copy(to: plain) })
    measurement.digestSeconds.append(seconds { _ = unsafe Digest.sha256(of: UnsafeRawBufferPointer(plain.bytes)) })
    let path = directory + "/plain"
    let seconds = try seconds {
      guard FileManager.default.createFile(atPath: path, contents: nil), let start = unsafe plain.bytes.baseAddress
      else {
        throw CocoaError(.fileWriteUnknown)
      }
      let file = try FileHandle(forWritingTo: URL(filePath: path))
      try file.write(contentsOf: unsafe Data(bytesNoCopy: start, count: plain.byteCount, deallocator: .none))
      try file.synchronize()
      try file.close()
    }
    measurement.writeSeconds.append(seconds)
    try FileManager.default.removeItem(atPath: path)
  }

  /// Makes steps until the checkpoint is written, and compares them with those made right before and after.
  private func measureBackground(_ state: TrainerState, _ measurement: inout CheckpointMeasurement) throws {
    let clock = ContinuousClock()
    let before = try stepsAlone()
    let start = clock.now
    measurement.stallSeconds.append(try seconds { try background.save(state, isLast: false) })
    var stepCount = 0
    repeat {
      try training.step(stepCount)
      stepCount += 1
    } while background.isBusy
    let elapsed = (clock.now - start) / .seconds(1)
    let alone = try before + stepsAlone()
    measurement.stepSeconds += alone
    measurement.lostSeconds.append(elapsed - Double(stepCount) * alone.median)
    guard let (seconds, processorSeconds) = try background.report() else { return }
    measurement.backgroundSeconds.append(seconds)
    measurement.backgroundProcessorSeconds.append(processorSeconds)
  }

  private func state(_ step: Int) -> TrainerState {
    TrainerState(
      step: step, tokensSeen: 0, seed: 0, cursor: SampleCursor(epoch: 0, index: 0), worldSize: 1, threadCount: 1,
      blasCore: "", configDigest: "")
  }

  private func seconds(_ body: () throws -> Void) rethrows -> Double {
    try ContinuousClock().measure(body) / .seconds(1)
  }
}
