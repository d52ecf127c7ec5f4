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

  /// Nil if the record says nothing that TensorBoard shows.
  init?(_ record: RunRecord) {
    var values = record.scalars.map { Self.scalar($0.tag, $0.value) }
    switch record.event {
    case .sample(let sample):
      values.append(Self.text("sample" + Self.suffix(sample.chunkSize), sample.prompt + sample.text))
    case .histograms(let histograms): values += histograms.map(Self.histogram)
    default: break
    }
    guard !values.isEmpty else { return nil }
    self.init(step: record.step, time: record.time, values: values)
  }

  /// What a tag of one chunk size ends with.
  fileprivate static func suffix(_ chunkSize: Int?) -> String { chunkSize.map { "/C\($0)" } ?? "" }

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

  private static func histogram(_ histogram: Histogram) -> ProtocolBuffer {
    let width = (histogram.largest - histogram.least) / Double(max(1, histogram.bins.count))
    let limits = histogram.bins.indices.map { index in
      index + 1 == histogram.bins.count ? histogram.largest : histogram.least + Double(index + 1) * width
    }
    var message = ProtocolBuffer()
    message.add(1, histogram.least)
    message.add(2, histogram.largest)
    message.add(3, Double(histogram.count))
    message.add(4, histogram.sum)
    message.add(5, histogram.sumOfSquares)
    message.add(6, limits)
    message.add(7, histogram.bins.map(Double.init))
    var value = ProtocolBuffer()
    value.add(1, histogram.name)
    value.add(5, message)
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

extension RunRecord {
  /// Its numbers under TensorBoard's tags, spelled ones left out.
  package var scalars: [(tag: String, value: Double)] {
    var tags: [(tag: String, value: Double)] = []
    for entry in line?.entries ?? [] where !Self.unshownKeys.contains(entry.key) {
      guard let number = entry.value.numberValue, number.isFinite else { continue }
      tags += Self.tags(of: entry.key, event).map { ($0, number) }
    }
    return tags
  }

  private static func tags(of key: String, _ event: Event) -> [String] {
    switch event {
    case .step(let step):
      let isLoss = key == MetricsKey.loss.rawValue && step.chunkSize != nil
      return ["training/\(key)"] + (isLoss ? ["training/loss" + EventRecord.suffix(step.chunkSize)] : [])
    case .validation(let found):
      let name = key == MetricsKey.validationLoss.rawValue ? MetricsKey.loss.rawValue : key
      return ["validation/\(name)" + EventRecord.suffix(found.chunkSize)]
    case .checkpoint: return ["checkpoint/\(key)"]
    case .stall(let stall): return ["stall/\(stall.cause.rawValue)"]
    case .end: return ["end/\(key)"]
    case .sample, .histograms: return []
    }
  }

  /// What every event has, and what the tags say.
  private static let unshownKeys = [MetricsKey.step, .time, .chunkSize].map(\.rawValue)
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

  mutating func add(_ field: Int, _ values: [Double]) {
    add(field, values.flatMap { Self.littleEndian($0.bitPattern) })
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
