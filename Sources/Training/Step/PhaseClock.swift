internal import Telemetry

/// Where the time of the thread that steers a rank goes.
///
/// It is read on the host and waits for nothing: where the backend works on while the host goes ahead, a phase is the time
/// in which its work was asked for.
package final class PhaseClock {
  package enum Phase: String, CaseIterable, Sendable {
    case data
    case forward
    case backward
    case communication
    case optimizer
    /// Waiting for what a step found.
    case device
  }

  private let clock = ContinuousClock()
  private var times: [Phase: Duration] = [:]
  /// Is told of each part; nil where nothing is traced.
  let trace: TraceRecorder?

  package convenience init() { self.init(trace: nil) }

  init(trace: TraceRecorder?) {
    self.trace = trace
  }

  /// Runs a part of a phase.
  func measure<Result, Failure: Error>(_ phase: Phase, _ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    let start = clock.now
    defer {
      let end = clock.now
      times[phase, default: .zero] += end - start
      trace?.add(phase.rawValue, kind: "phase", on: .steps, from: start, to: end)
    }
    return try body()
  }

  /// The time since this was last asked for, by phases.
  ///
  /// - Parameters:
  ///   - seconds: all of it.
  ///   - isSynchronous: whether nobody ever waits for the backend.
  func take(of seconds: Double, isSynchronous: Bool) -> StepPhases {
    let parts = times.mapValues { $0 / .seconds(1) }
    times.removeAll(keepingCapacity: true)
    var phases = StepPhases()
    phases.data = parts[.data] ?? 0
    phases.forward = parts[.forward] ?? 0
    phases.backward = parts[.backward] ?? 0
    phases.communication = parts[.communication] ?? 0
    phases.optimizer = parts[.optimizer] ?? 0
    if !isSynchronous { phases.device = parts[.device] ?? 0 }
    phases.other = seconds - StepPhases.keys.reduce(0) { $0 + (phases[keyPath: $1.path] ?? 0) }
    return phases
  }
}
