internal import Foundation

/// A file of measurements that could not be opened, read or written.
package struct TelemetryError: Error, Hashable, Sendable {
  /// What failed: `"open"`, `"read"`, `"write"` or `"cut"`.
  package let operation: String
  package let path: String
  /// The system's reason, `errno`.
  package let code: Int32
}

extension TelemetryError: CustomStringConvertible {
  package var description: String {
    "cannot \(operation) \(path): \(String(cString: strerror(code))) (errno \(code))"
  }
}
