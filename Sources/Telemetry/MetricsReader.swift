internal import Foundation
internal import JSON

/// What a `metrics.jsonl` holds.
package struct MetricsReader: Sendable {
  /// In the order of the lines, without those of kinds that this version does not know.
  package private(set) var records: [RunRecord] = []
  /// Numbers of the lines that are no records, from 1; the last line, which may be under way, is not among them.
  package private(set) var unreadableLines: [Int] = []

  /// - Parameters:
  ///   - lines: a last one that is not whole, as a run under way may have, is left out.
  ///   - key: only lines that have it count; nil for all.
  package init(lines: some Collection<UInt8>, having key: MetricsKey? = nil) {
    let mark = key.map { Data("\"\($0.rawValue)\"".utf8) }
    let all = Data(lines).split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    for (index, line) in all.enumerated() where !line.isEmpty {
      if let mark, line.range(of: mark) == nil { continue }
      let value = String(validating: line, as: UTF8.self).flatMap { try? JSONValue(json: $0) }
      if let value, value[MetricsKey.step.rawValue]?.integerValue != nil {
        if let record = RunRecord(line: value) { records.append(record) }
      } else if index + 1 < all.count {
        unreadableLines.append(index + 1)
      }
    }
  }

  /// - Returns: nil if the file cannot be read.
  package init?(path: String, having key: MetricsKey? = nil) {
    guard let content = FileManager.default.contents(atPath: path) else { return nil }
    self.init(lines: content, having: key)
  }
}
