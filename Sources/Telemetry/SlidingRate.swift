/// How fast a counter has grown over the last seconds.
struct SlidingRate {
  private struct Mark {
    var time: ContinuousClock.Instant
    var count: Double
  }

  private let window: Duration
  /// Oldest first. The first is the youngest that is at least a window old, once there is one.
  private var marks: [Mark] = []

  init(window: Duration) {
    self.window = window
  }

  /// Notes the counter's value at a time not before the last one.
  mutating func note(_ count: Double, at time: ContinuousClock.Instant) {
    let mark = Mark(time: time, count: count)
    // Marks closer than this add nothing, and a window of quick steps would hold thousands.
    let spacing = window / 100
    if marks.count > 1, time - marks[marks.count - 2].time < spacing {
      marks[marks.count - 1] = mark
    } else {
      marks.append(mark)
    }
    if let last = marks.lastIndex(where: { time - $0.time >= window }) { marks.removeFirst(last) }
  }

  /// Growth a second; nil before the second note.
  var perSecond: Double? {
    guard let first = marks.first, let last = marks.last, last.time > first.time else { return nil }
    return (last.count - first.count) / ((last.time - first.time) / .seconds(1))
  }
}
