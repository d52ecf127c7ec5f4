internal import Foundation

/// Where documents begin in a shard: a file beside it, `NAME_train_000000.documents` for `NAME_train_000000.bin`.
///
/// The file is a NumPy array (`numpy.load` reads it) of 64-bit integers, in ids from the shard's first. A shard that goes on
/// with a document of the one before does not list it.
package enum DocumentIndex {
  package static func path(besideShard path: String) -> String {
    URL(filePath: path).deletingPathExtension().path + ".documents"
  }

  static func write(_ starts: [Int], besideShard shard: String) throws(TokenError) {
    let path = path(besideShard: shard)
    let header = "{'descr': '<i8', 'fortran_order': False, 'shape': (\(starts.count),), }"
    let padding = String(repeating: " ", count: 63 - (10 + header.utf8.count) % 64) + "\n"
    let text = Array((header + padding).utf8)
    var bytes = NumpyHeader.magic + [1, 0, UInt8(text.count & 0xFF), UInt8(text.count >> 8)] + text
    bytes.reserveCapacity(bytes.count + 8 * starts.count)
    for start in starts { for byte in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: start >> (8 * byte))) } }
    do {
      try Data(bytes).write(to: URL(filePath: path), options: .atomic)
    } catch {
      throw TokenError(file: path, found: "“\(error.localizedDescription)”", allowed: "a place to write")
    }
  }
}
