internal import Crypto

/// SHA-256 sums in lower-case hexadecimal digits.
package enum Digest {
  /// The sum of a text's UTF-8 bytes.
  package static func sha256(of text: String) -> String {
    hexadecimal(SHA256.hash(data: Array(text.utf8)))
  }

  /// The sum of bytes in memory.
  package static func sha256(of bytes: UnsafeRawBufferPointer) -> String {
    var hasher = SHA256()
    unsafe hasher.update(bufferPointer: bytes)
    return hexadecimal(hasher.finalize())
  }

  /// The sum of a file, and how many bytes it has.
  static func sha256(ofFile path: String, disk: Disk) throws(CheckpointError) -> (sum: String, byteCount: Int) {
    var hasher = SHA256()
    var byteCount = 0
    try disk.forEachPart(of: path) { part in
      unsafe hasher.update(bufferPointer: part)
      byteCount += part.count
    }
    return (hexadecimal(hasher.finalize()), byteCount)
  }

  static func hexadecimal(_ digest: SHA256.Digest) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    for byte in digest {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }
}
