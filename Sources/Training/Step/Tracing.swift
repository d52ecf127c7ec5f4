internal import Logging
internal import Parallel
internal import Telemetry

/// Writes down what all ranks do in the configured steps.
struct Tracing {
  private let recorder: TraceRecorder?
  private let steps: Set<Int>
  private let group: any ProcessGroup
  private let logger: Logger
  private let path: String
  private var file: TraceFile
  private var start = ContinuousClock.now
  /// Whether steps were traced that are not in the file.
  private var hasNews = false

  /// - Parameter recorder: nil where nothing is traced.
  init(_ trainer: Trainer, _ recorder: TraceRecorder?, _ exchange: GradientExchange) {
    self.recorder = recorder
    steps = Set(trainer.config.train.traceSteps)
    group = trainer.group
    logger = trainer.logger
    path = trainer.runPath + "/trace.json"
    file = TraceFile(path: path)
    guard let recorder else { return }
    exchange.collectives.observer = { name, byteCount, start, end in
      recorder.add(
        name, kind: "communication", on: .communication, from: start, to: end, details: [("bytes", byteCount)])
    }
  }

  /// Begins to trace if step `step`, counted from 1, is to be. All ranks call it: the first time they meet, and agree on
  /// when that was.
  mutating func begin(_ step: Int) throws(ParallelError) {
    guard let recorder, steps.contains(step) else { return }
    try recorder.begin { () throws(ParallelError) in
      // The first may find ranks that are late.
      try group.barrier()
      try group.barrier()
    }
    start = .now
  }

  /// Ends what ``begin(_:)`` began.
  mutating func end(_ step: Int) {
    guard let recorder, steps.contains(step) else { return }
    recorder.add("step \(step)", kind: "step", on: .steps, from: start)
    recorder.end()
    hasNews = true
  }

  /// Brings the ranks' events together in the file once no traced step follows. All ranks call it.
  ///
  /// - Parameters:
  ///   - next: the step that follows, counted from 1.
  ///   - isLast: whether none does.
  mutating func write(ifEndedBefore next: Int, isLast: Bool) throws(ParallelError) {
    guard let recorder, hasNews, isLast || !steps.contains(next) else { return }
    hasNews = false
    let events = try group.allGather(recorder.takeEvents(rank: group.rank, hostName: group.hostName))
    guard group.rank == 0 else { return }
    do {
      try file.add(events)
      logger.info("steps are traced; ui.perfetto.dev opens the file", fields: ["path": "\(path)"])
    } catch {
      logger.warning("steps could not be traced", fields: ["reason": "\(error)"])
    }
  }
}
