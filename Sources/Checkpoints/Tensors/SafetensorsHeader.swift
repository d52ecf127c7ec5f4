internal import JSON

/// What the head of a safetensors file says, checked against the rules of the format and the size of the file.
///
/// - Source: the format description and the `safetensors` crate's `Metadata::validate`.
struct SafetensorsHeader {
  /// Bytes of JSON that a reader accepts.
  static let largestByteCount = 100_000_000

  /// In the order of their data.
  let tensors: [TensorInfo]
  let metadata: [String: String]

  private let path: String

  init(_ bytes: UnsafeRawBufferPointer, path: String) throws(CheckpointError) {
    self.path = path
    let json = unsafe try SafetensorsHeader.json(bytes, path: path)
    let dataStart = 8 + json.count
    var metadata: [String: String] = [:]
    var tensors: [TensorInfo] = []
    try reading(path, "header") { () throws(JSONError) in
      for entry in try JSONValue(json: json, source: "header").entries ?? [] {
        let reader = JSONReader(entry.value, path: entry.key)
        if entry.key == "__metadata__" {
          for key in try reader.keys() { metadata[key] = try reader.text(key) }
        } else {
          tensors.append(try SafetensorsHeader.tensor(reader, dataStart: dataStart))
        }
      }
    }
    // Empty tensors come before the one that starts where they stand.
    tensors.sort { a, b in
      (a.byteRange.lowerBound, a.byteRange.count, a.name) < (b.byteRange.lowerBound, b.byteRange.count, b.name)
    }
    self.tensors = tensors
    self.metadata = metadata
    try checkCover(of: dataStart..<bytes.count)
  }

  /// The JSON text behind the length.
  private static func json(_ bytes: UnsafeRawBufferPointer, path: String) throws(CheckpointError) -> [UInt8] {
    guard bytes.count >= 8 else {
      throw .malformed(path: path, what: "file size", found: "\(bytes.count)", allowed: "8 bytes or more")
    }
    let length = unsafe UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
    guard length <= UInt64(largestByteCount) else {
      throw .malformed(path: path, what: "header length", found: "\(length)", allowed: "at most \(largestByteCount)")
    }
    guard length <= UInt64(bytes.count - 8) else {
      throw .malformed(
        path: path, what: "header length", found: "\(length)",
        allowed: "at most \(bytes.count - 8), the rest of the file")
    }
    let json = unsafe [UInt8](UnsafeRawBufferPointer(rebasing: bytes[8..<8 + Int(length)]))
    guard json.first == UInt8(ascii: "{") else {
      let found = json.first.map { "byte \($0)" } ?? "no byte"
      throw .malformed(path: path, what: "start of the header", found: found, allowed: "'{'")
    }
    return json
  }

  private static func tensor(_ reader: JSONReader, dataStart: Int) throws(JSONError) -> TensorInfo {
    let type: ElementType = try reader.choice("dtype")
    let shape = try integers(reader, "shape")
    let offsets = try integers(reader, "data_offsets")
    try reader.finish()
    guard offsets.count == 2, offsets[0] <= offsets[1], offsets[1] <= Int.max - dataStart else {
      throw reader.invalid("data_offsets", found: "\(offsets)", allowed: "a begin and an end not before it")
    }
    let byteCount = try byteCount(of: shape, type, reader)
    guard offsets[1] - offsets[0] == byteCount else {
      throw reader.invalid(
        "data_offsets", found: "\(offsets[1] - offsets[0]) bytes",
        allowed: "\(byteCount) bytes for \(type.rawValue) \(shape)")
    }
    return TensorInfo(
      name: reader.path, type: type, shape: shape, byteRange: dataStart + offsets[0]..<dataStart + offsets[1])
  }

  /// The format has no number with a point here, be it a whole one.
  private static func integers(_ reader: JSONReader, _ key: String) throws(JSONError) -> [Int] {
    let value = try reader.value(key)
    return try reader.list(key).map { element throws(JSONError) in
      guard case .integer(let integer) = element, integer >= 0 else {
        throw reader.invalid(key, found: value.excerpt, allowed: "integers from 0")
      }
      return integer
    }
  }

  private static func byteCount(
    of shape: [Int], _ type: ElementType, _ reader: JSONReader
  ) throws(JSONError) -> Int {
    var product = 1
    for factor in shape + [type.byteCount] {
      let (next, overflow) = product.multipliedReportingOverflow(by: factor)
      guard !overflow else {
        throw reader.invalid("shape", found: "\(shape)", allowed: "fewer bytes than an integer counts")
      }
      product = next
    }
    return product
  }

  /// Checks that the tensors cover the data exactly: no overlap, no hole, nothing behind.
  private func checkCover(of data: Range<Int>) throws(CheckpointError) {
    var end = data.lowerBound
    for tensor in tensors {
      let start = tensor.byteRange.lowerBound
      guard start == end else {
        throw .malformed(
          path: path, what: "key \(tensor.name).data_offsets",
          found: "begin \(start - data.lowerBound), \(start < end ? "an overlap" : "a hole")",
          allowed: "begin \(end - data.lowerBound), where the data before it ends")
      }
      end = tensor.byteRange.upperBound
    }
    guard end == data.upperBound else {
      throw .malformed(
        path: path, what: "file size", found: "\(data.upperBound)", allowed: "\(end), where the last tensor ends")
    }
  }
}

/// Name, type, shape and place of one tensor of a safetensors file.
package struct TensorInfo: Hashable, Sendable {
  package let name: String
  package let type: ElementType
  /// Row-major; no dimensions for a single number.
  package let shape: [Int]
  /// Bytes of the file that hold the elements.
  package let byteRange: Range<Int>

  package var elementCount: Int { byteRange.count / type.byteCount }
}
