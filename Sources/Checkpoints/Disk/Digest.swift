internal import COpenSSL

/// SHA-256 sums in lower-case hexadecimal digits.
package enum Digest {
  /// The sum of a text's UTF-8 bytes.
  package static func sha256(of text: String) -> String {
    var text = text
    return text.withUTF8 { unsafe sha256(of: UnsafeRawBufferPointer($0)) }
  }

  /// The sum of bytes in memory.
  package static func sha256(of bytes: UnsafeRawBufferPointer) -> String {
    let hasher = SHA256()
    unsafe hasher.update(bytes)
    return hasher.finalize()
  }

  /// The sum of a file, and how many bytes it has.
  static func sha256(ofFile path: String, disk: Disk) throws(CheckpointError) -> (sum: String, byteCount: Int) {
    let hasher = SHA256()
    var byteCount = 0
    try unsafe disk.forEachPart(of: path) { part in
      unsafe hasher.update(part)
      byteCount += part.count
    }
    return (hasher.finalize(), byteCount)
  }
}

/// A SHA-256 sum in the making, by OpenSSL's libcrypto, which uses the processor's instructions for it where there are any.
///
/// Its calls fail only where the library cannot allocate or lacks the algorithm: both are preconditions.
@safe struct SHA256: ~Copyable {
  private let context: OpaquePointer

  init() {
    let made = unsafe EVP_MD_CTX_new()
    let isStarted = unsafe EVP_DigestInit_ex(made, EVP_sha256(), nil) == 1
    guard let made = unsafe made, isStarted else { preconditionFailure("SHA-256: libcrypto gives no context") }
    unsafe context = made
  }

  deinit { unsafe EVP_MD_CTX_free(context) }

  func update(_ bytes: UnsafeRawBufferPointer) {
    let code = unsafe EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
    precondition(code == 1, "SHA-256: EVP_DigestUpdate of \(bytes.count) bytes gave \(code)")
  }

  /// The sum of all bytes so far, 64 lower-case hexadecimal digits.
  consuming func finalize() -> String {
    var digest = [UInt8](repeating: 0, count: 32)
    let code = unsafe EVP_DigestFinal_ex(context, &digest, nil)
    precondition(code == 1, "SHA-256: EVP_DigestFinal_ex gave \(code)")
    return Self.hexadecimal(digest)
  }

  private static func hexadecimal(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}
