internal import Checkpoints
internal import FaultSupport
internal import Foundation

/// A second opinion on safetensors files.
package enum SafetensorsOracle {
  /// Opens a file: it is refused in one line, or well-formed by other means as well.
  package static func check(_ path: String) throws {
    let file: SafetensorsFile
    do {
      file = try SafetensorsFile(path: path)
    } catch {
      return try expect(!error.description.contains("\n"), "more than a line: \(error)")
    }
    let bytes = try bytes(of: path)
    for tensor in file.tensors {
      _ = try? file.floats(tensor.name)
      _ = try? file.integers(tensor.name)
    }
    try requireWellFormed(bytes, file)
  }

  /// Holds the header against another JSON parser and the format's rules, written down a second time.
  private static func requireWellFormed(_ bytes: [UInt8], _ file: SafetensorsFile) throws {
    let text = String(decoding: bytes, as: Unicode.ASCII.self)
    let length = bytes.prefix(8).enumerated().reduce(0) { $0 + Int($1.element) << (8 * $1.offset) }
    try expect(8 + length <= bytes.count, "header of \(length) bytes in \(bytes.count): \(text)")
    let json = Data(bytes[8..<8 + length])
    guard let root = try? JSONSerialization.jsonObject(with: json) as? [String: Any] else {
      throw Unexpected("opened, but Foundation does not read the JSON: \(String(decoding: json, as: UTF8.self))")
    }
    let names = root.keys.filter { $0 != "__metadata__" }
    try expect(Set(names) == Set(file.tensors.map(\.name)), "names \(names) read as \(file.tensors.map(\.name))")
    var end = 8 + length
    for tensor in file.tensors {
      let fields = root[tensor.name] as? [String: Any] ?? [:]
      let shape = fields["shape"] as? [Int] ?? [-1]
      let offsets = fields["data_offsets"] as? [Int] ?? []
      try expect(fields.count == 3 && fields["dtype"] as? String == tensor.type.rawValue, "fields \(fields)")
      try expect(shape == tensor.shape && offsets.count == 2, "fields \(fields)")
      try expect(
        8 + length + offsets[0] == end && tensor.byteRange.lowerBound == end, "begins at \(offsets), not \(end)")
      end += shape.reduce(1, *) * tensor.type.byteCount
      try expect(tensor.byteRange.upperBound == end && 8 + length + offsets[1] == end, "ends at \(offsets), not \(end)")
    }
    try expect(end == bytes.count, "tensors end at \(end) of \(bytes.count)")
  }
}
