internal import JSON

/// What was taken out of a metrics file.
package struct MetricsCut: Hashable, Sendable {
  package private(set) var keptCount = 0
  /// Records of later steps.
  package private(set) var laterCount = 0
  /// Numbers, from 1, of lines that are no whole JSON object; the last line may be one after a crash.
  package private(set) var tornLines: [Int] = []

  /// The lines of `bytes` that stay.
  static func cut(_ bytes: [UInt8], toStep step: Int) -> (kept: [UInt8], cut: MetricsCut) {
    let newline = UInt8(ascii: "\n")
    var kept: [UInt8] = []
    var cut = MetricsCut()
    var start = 0
    var number = 0
    while start < bytes.count {
      number += 1
      let end = bytes[start...].firstIndex(of: newline)
      let line = bytes[start..<(end ?? bytes.count)]
      if end != nil, let record = record(line) {
        if let recordStep = record["step"]?.integerValue, recordStep > step {
          cut.laterCount += 1
        } else {
          cut.keptCount += 1
          kept += line
          kept.append(newline)
        }
      } else {
        cut.tornLines.append(number)
      }
      start = (end ?? bytes.count) + 1
    }
    return (kept, cut)
  }

  private static func record(_ line: ArraySlice<UInt8>) -> JSONValue? {
    guard let value = try? JSONValue(json: line, source: "metrics"), case .mapping = value else { return nil }
    return value
  }
}
