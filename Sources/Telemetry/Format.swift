internal import Foundation

/// Numbers as people read them.
package enum Format {
  /// Such as `512 B`, `1.2 GiB`.
  package static func bytes(_ count: Int) -> String {
    let (value, unit) = scaled(Double(count), by: 1024, units: ["B", "KiB", "MiB", "GiB", "TiB", "PiB"])
    return (unit == "B" ? "\(count)" : fixed(value, digits: 1)) + " " + unit
  }

  /// Such as `950`, `12.3k`, `1.5M`.
  package static func count(_ count: Double) -> String {
    let (value, unit) = scaled(count, by: 1000, units: ["", "k", "M", "G", "T", "P"])
    return (unit.isEmpty ? fixed(value, digits: 0) : fixed(value, digits: 1)) + unit
  }

  package static func count(_ count: Int) -> String { self.count(Double(count)) }

  /// All digits in groups of three, such as `1,693,568`.
  package static func grouped(_ count: Int) -> String {
    let digits = String(count.magnitude)
    let groups = stride(from: digits.count, to: 0, by: -3).map { String(digits.prefix($0).suffix(3)) }
    return (count < 0 ? "-" : "") + groups.reversed().joined(separator: ",")
  }

  /// Hours, minutes and seconds, such as `26:03:09`.
  package static func duration(_ duration: Duration) -> String {
    let seconds = Int((max(.zero, duration) / .seconds(1)).rounded())
    return String(format: "%d:%02d:%02d", seconds / 3600, seconds / 60 % 60, seconds % 60)
  }

  /// Such as `12.3 %`.
  package static func percent(_ share: Double) -> String { fixed(100 * share, digits: 1) + " %" }

  /// Such as `12.3 ms`, of seconds.
  package static func milliseconds(_ seconds: Double) -> String {
    let value = seconds * 1e3
    return fixed(value, digits: abs(value) < 10 ? 2 : 1) + " ms"
  }

  package static func fixed(_ value: Double, digits: Int) -> String { String(format: "%.\(digits)f", value) }

  package static func scientific(_ value: Double, digits: Int) -> String { String(format: "%.\(digits)e", value) }

  /// The value in the largest unit that leaves it at least 1, seen after rounding to one digit.
  private static func scaled(_ value: Double, by base: Double, units: [String]) -> (Double, String) {
    var value = value
    var index = 0
    while abs(value) >= base - 0.05, index + 1 < units.count {
      value /= base
      index += 1
    }
    return (value, units[index])
  }
}
