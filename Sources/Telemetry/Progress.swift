/// How far some work is, in units that take about the same time each.
package protocol ProgressReport {
  /// Units that are done; only grows.
  var doneCount: Int { get }
  var totalCount: Int { get }
  /// Tokens that went through, in any count that only grows.
  var tokenCount: Int { get }

  /// One line for people.
  ///
  /// - Parameters:
  ///   - tokenRate: tokens a second; nil if not known yet.
  ///   - unitRate: units a second; nil if not known yet.
  func line(tokenRate: Double?, unitRate: Double?) -> String
}

extension ProgressReport {
  /// What is known of speed and time left, such as `12.3k tokens/s` and `left 0:12:05`.
  func rateFields(tokenRate: Double?, unitRate: Double?) -> [String] {
    var fields: [String] = []
    if let tokenRate { fields.append(Format.count(tokenRate) + " tokens/s") }
    if let unitRate, unitRate > 0 {
      fields.append("left " + Format.duration(.seconds(Double(totalCount - doneCount) / unitRate)))
    }
    return fields
  }
}

/// How far a run is after a step.
package struct Progress: ProgressReport, Hashable, Sendable {
  /// Steps done, those before a resume included.
  package var step: Int
  /// Steps of the whole run.
  package var stepCount: Int
  /// Tokens trained on, all ranks, in any count that only grows.
  package var tokenCount: Int
  /// Nats a token.
  package var loss: Double
  /// Tokens a chunk in this step; nil for a model without chunks.
  package var chunkSize: Int?
  package var learningRate: Double

  package init(step: Int, stepCount: Int, tokenCount: Int, loss: Double, chunkSize: Int?, learningRate: Double) {
    self.step = step
    self.stepCount = stepCount
    self.tokenCount = tokenCount
    self.loss = loss
    self.chunkSize = chunkSize
    self.learningRate = learningRate
  }

  package var doneCount: Int { step }
  package var totalCount: Int { stepCount }

  /// Such as `step 412/1000  loss 3.2145  chunk 8  rate 8.00e-04  12.3k tokens/s  left 0:12:05`.
  package func line(tokenRate: Double?, unitRate: Double?) -> String {
    var fields = ["step \(step)/\(stepCount)", "loss " + Format.fixed(loss, digits: 4)]
    if let chunkSize { fields.append("chunk \(chunkSize)") }
    fields.append("rate " + Format.scientific(learningRate, digits: 2))
    fields += rateFields(tokenRate: tokenRate, unitRate: unitRate)
    return fields.joined(separator: "  ")
  }
}

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
