internal import Settings

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
    let value = try parseJSON(json, what: "header", path: path)
    var metadata: [String: String] = [:]
    var tensors: [TensorInfo] = []
    for entry in value.entries ?? [] {
      if entry.key == "__metadata__" {
        metadata = try SafetensorsHeader.metadata(entry.value, path: path)
      } else {
        tensors.append(try SafetensorsHeader.tensor(entry, dataStart: dataStart, path: path))
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

  private static func metadata(_ value: Setting, path: String) throws(CheckpointError) -> [String: String] {
    var metadata: [String: String] = [:]
    for entry in try JSONFields.entries(of: value, "__metadata__", path: path) {
      guard case .text(let text) = entry.value else {
        throw .malformed(
          path: path, what: "__metadata__.\(entry.key)", found: shortJSON(entry.value), allowed: "text")
      }
      metadata[entry.key] = text
    }
    return metadata
  }

  private static func tensor(
    _ entry: Setting.Entry, dataStart: Int, path: String
  ) throws(CheckpointError) -> TensorInfo {
    let name = entry.key
    var fields = try JSONFields(entry.value, path: path, prefix: "\(name).")
    let typeName = try fields.text("dtype")
    guard let type = ElementType(rawValue: typeName) else {
      let known = ElementType.allCases.map(\.rawValue).joined(separator: ", ")
      throw .malformed(path: path, what: "key \(name).dtype", found: typeName, allowed: known)
    }
    let shape = try integers(try fields.value("shape"), fields, "shape")
    let offsets = try integers(try fields.value("data_offsets"), fields, "data_offsets")
    try fields.finish()
    guard offsets.count == 2, offsets[0] <= offsets[1], offsets[1] <= Int.max - dataStart else {
      throw .malformed(
        path: path, what: "key \(name).data_offsets", found: "\(offsets)", allowed: "a begin and an end not before it")
    }
    let byteCount = try byteCount(of: shape, type, name: name, path: path)
    guard offsets[1] - offsets[0] == byteCount else {
      throw .malformed(
        path: path, what: "key \(name).data_offsets", found: "\(offsets[1] - offsets[0]) bytes",
        allowed: "\(byteCount) bytes for \(type.rawValue) \(shape)")
    }
    return TensorInfo(
      name: name, type: type, shape: shape, byteRange: dataStart + offsets[0]..<dataStart + offsets[1])
  }

  private static func integers(
    _ value: Setting, _ fields: JSONFields, _ key: String
  ) throws(CheckpointError) -> [Int] {
    guard case .list(let elements) = value else { throw fields.wrong(key, value, allowed: "a list of integers") }
    var integers: [Int] = []
    for element in elements {
      guard case .integer(let integer) = element, integer >= 0 else {
        throw fields.wrong(key, value, allowed: "integers from 0")
      }
      integers.append(integer)
    }
    return integers
  }

  private static func byteCount(
    of shape: [Int], _ type: ElementType, name: String, path: String
  ) throws(CheckpointError) -> Int {
    var product = 1
    for factor in shape + [type.byteCount] {
      let (next, overflow) = product.multipliedReportingOverflow(by: factor)
      guard !overflow else {
        throw .malformed(
          path: path, what: "key \(name).shape", found: "\(shape)", allowed: "fewer bytes than an integer counts")
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
