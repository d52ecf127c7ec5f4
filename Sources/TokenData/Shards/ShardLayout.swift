internal import MappedFiles

/// Where a token shard keeps its ids, and how wide they are.
struct ShardLayout: Hashable, Sendable {
  /// Bytes of one id: 2 or 4.
  let idByteCount: Int
  /// Bytes before the first id.
  let headerByteCount: Int
  /// Number of ids.
  let count: Int

  /// The layout that a file's header describes, checked against the file's size.
  init(of file: MappedFile) throws(TokenError) {
    self = file.copy(0..<6) == NumpyHeader.magic ? try NumpyHeader.layout(of: file) : try BinHeader.layout(of: file)
    let expected = headerByteCount + count * idByteCount
    guard file.byteCount == expected else {
      throw TokenError(
        file: file.path, found: "\(file.byteCount) bytes",
        allowed: "\(expected) bytes, for the header says \(count) ids of \(idByteCount) bytes")
    }
  }

  init(idByteCount: Int, headerByteCount: Int, count: Int) {
    self.idByteCount = idByteCount
    self.headerByteCount = headerByteCount
    self.count = count
  }
}

/// The header of `.bin` shards: 256 integers of 32 bits, little-endian: magic number, version, number of ids, zeros.
///
/// - Source: llm.c (`20240520`, 16 bits an id; `20240801`, 32 bits an id).
enum BinHeader {
  static let byteCount = 1024

  static func layout(of file: MappedFile) throws(TokenError) -> ShardLayout {
    guard file.byteCount >= byteCount, let magic = file.integer(Int32.self, at: 0),
      let version = file.integer(Int32.self, at: 4), let count = file.integer(Int32.self, at: 8)
    else {
      throw TokenError(
        file: file.path, found: "\(file.byteCount) bytes",
        allowed: "a header of \(byteCount) bytes\(ForeignFile.hint(file))")
    }
    guard let known = formats.first(where: { $0.magic == magic }) else {
      let names = formats.map { "\($0.magic)" } + [".npy"]
      throw TokenError(
        file: file.path, found: "magic number \(magic)", allowed: names.joined(separator: ", ") + ForeignFile.hint(file)
      )
    }
    guard version == known.version else {
      throw TokenError(file: file.path, found: "version \(version)", allowed: "version \(known.version)")
    }
    guard count >= 0 else { throw TokenError(file: file.path, found: "\(count) ids", allowed: "0...\(Int32.max)") }
    return ShardLayout(idByteCount: known.idByteCount, headerByteCount: byteCount, count: Int(count))
  }

  /// The header's bytes.
  ///
  /// - Parameter idByteCount: 2 or 4.
  static func bytes(idByteCount: Int, count: Int) -> [UInt8] {
    let format = idByteCount == 2 ? formats[0] : formats[1]
    let numbers = [format.magic, format.version, Int32(count)]
    let head = numbers.flatMap { number in (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) } }
    return head + Array(repeating: 0, count: byteCount - head.count)
  }

  private static let formats: [(magic: Int32, version: Int32, idByteCount: Int)] = [
    (20_240_520, 1, 2), (20_240_801, 7, 4),
  ]
}
