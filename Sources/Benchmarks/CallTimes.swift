/// Seconds of one piece of work that is done again and again.
package struct CallTimes: Hashable, Sendable {
  package let fastest: Double
  package let median: Double
  /// Calls that were timed.
  package let count: Int

  private static let fewestCalls = 3

  /// Calls `body` once without timing it, then for about `seconds`, and at least three times.
  package init(seconds: Double, _ body: () -> Void) {
    let clock = ContinuousClock()
    body()
    var times: [Double] = []
    let start = clock.now
    repeat {
      times.append(clock.measure(body) / .seconds(1))
    } while times.count < Self.fewestCalls || (clock.now - start) / .seconds(1) < seconds
    times.sort()
    fastest = times[0]
    median = times[times.count / 2]
    count = times.count
  }
}

extension [Double] {
  /// The middle value, of an even number the upper one; not a number if there is none.
  package var median: Double {
    isEmpty ? .nan : sorted()[count / 2]
  }
}
