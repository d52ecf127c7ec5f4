internal import Foundation
internal import Settings

/// The form of a log line.
enum LogLine {
  /// Such as `2026-01-31T12:00:00Z warning loss is not finite step=412 rank=3`; values with spaces quoted.
  static func text(time: Date, level: String, message: String, fields: [(key: String, value: String)]) -> String {
    let pairs = fields.map { $0.key + "=" + quoted($0.value) }
    return ([time.ISO8601Format(), level, message] + pairs).joined(separator: " ")
  }

  private static func quoted(_ value: String) -> String {
    let isPlain = !value.isEmpty && value.unicodeScalars.allSatisfy { $0.value > 0x20 && $0 != "\"" && $0 != "=" }
    return isPlain ? value : Setting.text(value).json()
  }
}
