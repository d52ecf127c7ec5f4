package import Settings

/// Where the time of a run goes: durations added up by phase.
package final class PhaseTimer {
  /// What a phase has taken so far.
  package struct Phase: Hashable, Sendable {
    package let name: String
    package var total: Duration = .zero
    /// How often it was measured.
    package var count = 0
  }

  private var phases: [Phase] = []
  private var places: [String: Int] = [:]

  package init() {}

  /// Runs `body` and adds its time to a phase. A phase measured within another counts in both.
  package func measure<Result, Failure: Error>(
    _ name: String, _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let start = ContinuousClock.now
    defer { add(ContinuousClock.now - start, to: name) }
    return try body()
  }

  /// Adds one measured time to a phase.
  package func add(_ duration: Duration, to name: String) {
    let place = places[name] ?? phases.count
    if place == phases.count {
      phases.append(Phase(name: name))
      places[name] = place
    }
    phases[place].total += duration
    phases[place].count += 1
  }

  /// All phases, in the order in which they were first measured.
  package var report: [Phase] { phases }

  /// Seconds by phase, for a line of metrics.
  package var seconds: Setting {
    .mapping(phases.map { Setting.Entry(key: $0.name, value: .number($0.total / .seconds(1))) })
  }

  /// One line, such as `forward 4.10 s (41 %), backward 5.90 s (59 %)`; shares are of all phases together.
  package var summary: String {
    let all = phases.reduce(Duration.zero) { $0 + $1.total }
    return phases.map { phase in
      let share = all > .zero ? 100 * (phase.total / all) : 0
      return "\(phase.name) \(Format.shortDuration(phase.total)) (\(Format.fixed(share, digits: 0)) %)"
    }.joined(separator: ", ")
  }

  /// Forgets all phases.
  package func reset() {
    phases = []
    places = [:]
  }
}
