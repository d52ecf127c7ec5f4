package import Foundation
package import Settings

/// A line of `metrics.jsonl` in the making.
package struct MetricsRecord {
  private let line: MetricsLine
  private var values: [MetricsKey: Setting]

  package init(_ line: MetricsLine, step: Int, time: Date = .now) {
    self.line = line
    // A float of a date has more digits than any clock means.
    let milliseconds = (time.timeIntervalSince1970 * 1e3).rounded()
    values = [.step: .integer(step), .time: .number(milliseconds / 1e3)]
  }

  /// The value of a key that this kind of line has; nil: the key is absent.
  package subscript(key: MetricsKey) -> Setting? {
    get { values[key] }
    set {
      precondition(key.declaration.lines.contains(line), "metrics: \(key.rawValue) in a line of \(line.rawValue)")
      values[key] = newValue
    }
  }

  /// The line, its keys in the order in which they are declared.
  package var setting: Setting {
    .mapping(
      MetricsKey.allCases.compactMap { key in values[key].map { Setting.Entry(key: key.rawValue, value: $0) } })
  }
}
