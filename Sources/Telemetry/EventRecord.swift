internal import Foundation
internal import JSON

/// One event of an event file: what a protocol buffer of `event.proto` says, and how the file frames it.
struct EventRecord {
  /// The message.
  private let message: [UInt8]
  /// Steps that are done.
  let step: Int

  /// The first event of a file.
  init(versionAt time: Double) {
    var message = ProtocolBuffer()
    message.add(1, time)
    message.add(3, "brain.Event:2")
    self.message = message.bytes
    step = 0
  }

  private init(step: Int, time: Double, values: [ProtocolBuffer]) {
    var summary = ProtocolBuffer()
    for value in values { summary.add(1, value) }
    var message = ProtocolBuffer()
    message.add(1, time)
    message.add(2, step)
    message.add(5, summary)
    self.message = message.bytes
    self.step = step
  }

  /// What a line of `metrics.jsonl` says, as one event; none if it says nothing that TensorBoard shows.
  static func records(of record: JSONValue) -> [EventRecord] {
    let size = record[MetricsKey.chunkSize.rawValue]?.integerValue.map { "/C\($0)" } ?? ""
    var values: [ProtocolBuffer] = []
    for (key, value) in record.entries?.map({ ($0.key, $0.value) }) ?? [] where !unshownKeys.contains(key) {
      guard let number = value.numberValue else { continue }
      if record[MetricsKey.validationLoss.rawValue] != nil {
        let name = key == MetricsKey.validationLoss.rawValue ? MetricsKey.loss.rawValue : key
        values.append(scalar("validation/\(name)\(size)", number))
      } else {
        values.append(scalar("training/\(key)", number))
        if key == MetricsKey.loss.rawValue, !size.isEmpty { values.append(scalar("training/loss\(size)", number)) }
      }
    }
    if let text = record[MetricsKey.text.rawValue]?.textValue {
      values.append(self.text("sample\(size)", (record[MetricsKey.prompt.rawValue]?.textValue ?? "") + text))
    }
    guard let step = record[MetricsKey.step.rawValue]?.integerValue, !values.isEmpty else { return [] }
    return [EventRecord(step: step, time: record[MetricsKey.time.rawValue]?.numberValue ?? 0, values: values)]
  }

  /// What every event has, and what the tags say.
  private static let unshownKeys = [MetricsKey.step, .time, .chunkSize].map(\.rawValue)

  private static func scalar(_ tag: String, _ number: Double) -> ProtocolBuffer {
    var value = ProtocolBuffer()
    value.add(1, tag)
    value.add(2, Float(number))
    return value
  }

  private static func text(_ tag: String, _ text: String) -> ProtocolBuffer {
    var plugin = ProtocolBuffer()
    plugin.add(1, "text")
    var metadata = ProtocolBuffer()
    metadata.add(1, plugin)
    var tensor = ProtocolBuffer()
    tensor.add(1, 7)  // DT_STRING
    tensor.add(8, text)
    var value = ProtocolBuffer()
    value.add(1, tag)
    value.add(9, metadata)
    value.add(8, tensor)
    return value
  }

  // MARK: Framing

  /// Length, its checksum, the message, its checksum.
  var framed: [UInt8] {
    let length = ProtocolBuffer.littleEndian(UInt64(message.count))
    return length + ProtocolBuffer.littleEndian(CRC32C.masked(length)) + message
      + ProtocolBuffer.littleEndian(CRC32C.masked(message))
  }

  var framedCount: Int { message.count + 16 }

  /// The record that begins at `start`; nil if none that is whole does.
  init?(framedIn content: Data, at start: Int) {
    guard content.count - start >= 16 else { return nil }
    let length = content[start..<start + 8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard length <= UInt64(content.count - start - 16) else { return nil }
    let body = content[start + 12..<start + 12 + Int(length)]
    let sum = content[body.endIndex..<body.endIndex + 4].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    guard sum == CRC32C.masked(body) else { return nil }
    message = Array(body)
    step = ProtocolBuffer.integer(2, in: message) ?? 0
  }
}

/// A message in the wire format of protocol buffers, in the making.
struct ProtocolBuffer {
  private(set) var bytes: [UInt8] = []

  mutating func add(_ field: Int, _ value: Double) {
    key(field, 1)
    bytes += Self.littleEndian(value.bitPattern)
  }

  mutating func add(_ field: Int, _ value: Float) {
    key(field, 5)
    bytes += Self.littleEndian(value.bitPattern)
  }

  mutating func add(_ field: Int, _ value: Int) {
    key(field, 0)
    varint(UInt64(bitPattern: Int64(value)))
  }

  mutating func add(_ field: Int, _ text: String) { add(field, Array(text.utf8)) }

  mutating func add(_ field: Int, _ message: ProtocolBuffer) { add(field, message.bytes) }

  private mutating func add(_ field: Int, _ content: [UInt8]) {
    key(field, 2)
    varint(UInt64(content.count))
    bytes += content
  }

  private mutating func key(_ field: Int, _ type: Int) { varint(UInt64(field << 3 | type)) }

  private mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  static func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { unsafe Array($0) }
  }

  /// The integer in a field of a message; nil if it has none, or is no message.
  static func integer(_ wanted: Int, in message: [UInt8]) -> Int? {
    var place = 0
    func varint() -> UInt64? {
      var (value, shift): (UInt64, UInt64) = (0, 0)
      while place < message.count, shift < 64 {
        let byte = message[place]
        place += 1
        value |= UInt64(byte & 0x7f) << shift
        if byte < 0x80 { return value }
        shift += 7
      }
      return nil
    }
    while let key = varint() {
      switch key & 7 {
      case 0:
        guard let value = varint() else { return nil }
        if key >> 3 == UInt64(wanted) { return Int(truncatingIfNeeded: value) }
      case 1: place += 8
      case 5: place += 4
      case 2:
        guard let count = varint(), count <= UInt64(message.count - place) else { return nil }
        place += Int(count)
      default: return nil
      }
    }
    return nil
  }
}

/// The checksum of event files: CRC-32 of Castagnoli's polynomial, rotated and shifted by a constant.
///
/// - Source: RFC 3720, appendix B.4; TensorFlow's `masked_crc32c`.
enum CRC32C {
  private static let table: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0x82f6_3b78 : value >> 1 }
  }

  static func sum(_ bytes: some Sequence<UInt8>) -> UInt32 {
    ~bytes.reduce(~UInt32(0)) { $0 >> 8 ^ table[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] }
  }

  static func masked(_ bytes: some Sequence<UInt8>) -> UInt32 {
    let sum = sum(bytes)
    return (sum >> 15 | sum << 17) &+ 0xa282_ead8
  }
}
