/// Shows how a run goes: on a terminal one line that is rewritten, elsewhere a line every so often, the first and the
/// last always.
package final class ProgressLine {
  private let console: Console
  private let interval: Duration
  private var tokens: SlidingRate
  private var steps: SlidingRate
  private var shownAt: ContinuousClock.Instant?
  /// The latest progress, if it was not shown.
  private var pending: Progress?

  /// - Parameters:
  ///   - interval: from one line to the next where lines cannot be rewritten.
  ///   - window: the time over which rates are taken.
  package init(
    console: Console = .standardError, interval: Duration = .seconds(10), window: Duration = .seconds(30)
  ) {
    self.console = console
    self.interval = console.isTerminal ? .milliseconds(100) : interval
    tokens = SlidingRate(window: window)
    steps = SlidingRate(window: window)
  }

  /// Takes note of a step that is done, and shows it if it is time.
  package func update(_ progress: Progress, at time: ContinuousClock.Instant = .now) {
    tokens.note(Double(progress.tokenCount), at: time)
    steps.note(Double(progress.step), at: time)
    let isDue = shownAt.map { time - $0 >= interval } ?? true
    guard isDue || progress.step >= progress.stepCount else {
      pending = progress
      return
    }
    shownAt = time
    show(progress)
  }

  /// Shows the last step if it was not, and leaves the line; the run ends or pauses here.
  package func finish() {
    if let pending { show(pending) }
    console.endStatus()
  }

  /// Tokens a second over the window, all ranks; nil before the second step.
  package var tokensPerSecond: Double? { tokens.perSecond }

  private func show(_ progress: Progress) {
    pending = nil
    let line = progress.line(tokenRate: tokens.perSecond, stepRate: steps.perSecond)
    if console.isTerminal { console.show(status: line) } else { console.print(line) }
  }
}
