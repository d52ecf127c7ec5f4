import Foundation

@testable import TokenData

/// A directory that is gone after the test.
final class Scratch {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appending(path: "token-data-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path)
  }

  func file(_ name: String) -> String { path + "/" + name }

  @discardableResult
  func write(_ bytes: [UInt8], _ name: String) throws -> String {
    try Data(bytes).write(to: URL(filePath: file(name)))
    return file(name)
  }

  var names: [String] {
    get throws { try FileManager.default.contentsOfDirectory(atPath: path).sorted() }
  }
}

/// The bytes of integers, smallest byte first.
func littleEndian(_ values: [some FixedWidthInteger]) -> [UInt8] {
  values.flatMap { value in withUnsafeBytes(of: value.littleEndian) { Array($0) } }
}

/// The bytes of a `.npy` file.
func numpyFile(
  version: UInt8 = 1, header: String? = nil, descr: String = "<u2", fortran: String = "False", ids: [UInt16]
) -> [UInt8] {
  let text = header ?? "{'descr': '\(descr)', 'fortran_order': \(fortran), 'shape': (\(ids.count),), }"
  let lengthByteCount = version == 1 ? 2 : 4
  let unpadded = 8 + lengthByteCount + text.utf8.count + 1
  let padded = text + String(repeating: " ", count: (64 - unpadded % 64) % 64) + "\n"
  let length = version == 1 ? littleEndian([UInt16(padded.utf8.count)]) : littleEndian([UInt32(padded.utf8.count)])
  return [0x93] + Array("NUMPY".utf8) + [version, 0] + length + Array(padded.utf8) + littleEndian(ids)
}
