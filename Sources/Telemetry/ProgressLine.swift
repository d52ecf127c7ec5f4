/// Shows how work goes: on a terminal one line that is rewritten, elsewhere a line every so often.
package final class ProgressLine {
  private let console: Console
  private let interval: Duration
  private let showsEnds: Bool
  private var tokens: SlidingRate
  private var units: SlidingRate
  private var shownAt: ContinuousClock.Instant?
  /// The latest report, if it was not shown.
  private var pending: (any ProgressReport)?

  /// - Parameters:
  ///   - interval: from one line to the next where lines cannot be rewritten.
  ///   - window: the time over which rates are taken.
  ///   - showsEnds: whether the first and the last report are always shown. Without, work that takes less than the
  ///     interval shows nothing.
  package init(
    console: Console = .standardError, interval: Duration = .seconds(10), window: Duration = .seconds(30),
    showsEnds: Bool = true
  ) {
    self.console = console
    self.interval = console.isTerminal ? .milliseconds(100) : interval
    self.showsEnds = showsEnds
    tokens = SlidingRate(window: window)
    units = SlidingRate(window: window)
  }

  /// Takes note of a unit that is done, and shows it if it is time.
  package func update(_ report: any ProgressReport, at time: ContinuousClock.Instant = .now) {
    tokens.note(Double(report.tokenCount), at: time)
    units.note(Double(report.doneCount), at: time)
    if shownAt == nil, !showsEnds { shownAt = time }
    let isDue = shownAt.map { time - $0 >= interval } ?? true
    guard isDue || (showsEnds && report.doneCount >= report.totalCount) else {
      pending = report
      return
    }
    shownAt = time
    show(report)
  }

  /// Shows the last report if it was not, and leaves the line; the work ends or pauses here.
  package func finish() {
    if let pending, showsEnds { show(pending) }
    console.endStatus()
  }

  /// Takes the line off a terminal; what it said is of no use after the work.
  package func clear() {
    console.clearStatus()
  }

  /// Tokens a second over the window, all ranks; nil before the second report.
  package var tokensPerSecond: Double? { tokens.perSecond }

  private func show(_ report: any ProgressReport) {
    pending = nil
    let line = report.line(tokenRate: tokens.perSecond, unitRate: units.perSecond)
    if console.isTerminal { console.show(status: line) } else { console.print(line) }
  }
}
