internal import MappedFiles

/// Where a token shard keeps its ids, and how they are written.
struct ShardLayout: Hashable, Sendable {
  let format: ShardFormat
  let idType: IDType
  /// Bytes before the first id.
  let headerByteCount: Int
  /// Number of ids.
  let count: Int

  init(_ format: ShardFormat, _ idType: IDType, headerByteCount: Int, count: Int) {
    self.format = format
    self.idType = idType
    self.headerByteCount = headerByteCount
    self.count = count
  }

  /// The layout that a file's header describes, checked against the file's size.
  init(of file: MappedFile) throws(TokenError) {
    self = NumpyHeader.begins(file) ? try NumpyHeader.layout(of: file) : try BinHeader.layout(of: file)
    let expected = headerByteCount + count * idType.byteCount
    guard file.byteCount == expected else {
      throw TokenError(
        file: file.path, found: "\(file.byteCount) bytes",
        allowed: "\(expected) bytes, for the header says \(count) ids of \(idType.byteCount) bytes")
    }
  }

  /// All of a file as ids of 16 bits.
  ///
  /// - Throws: ``TokenError`` for half an id, and for a file of a format that says what it is.
  init(headerless file: MappedFile) throws(TokenError) {
    let rule = "ids of 16 bits without a header, as the format nanogpt says; the format auto reads files that have one"
    if NumpyHeader.begins(file) || BinHeader.begins(file) {
      throw TokenError(
        file: file.path, found: "a header of \(NumpyHeader.begins(file) ? "NumPy" : "llm.c")", allowed: rule)
    }
    guard file.byteCount % 2 == 0 else {
      throw TokenError(file: file.path, found: "\(file.byteCount) bytes", allowed: "an even number of them: " + rule)
    }
    self.init(.nanogpt, .uint16, headerByteCount: 0, count: file.byteCount / 2)
  }
}

/// The header of `.bin` shards: 256 integers of 32 bits, little-endian: magic number, version, number of ids, zeros.
///
/// - Source: llm.c (`20240520`, 16 bits an id; `20240801`, 32 bits an id).
enum BinHeader {
  static let byteCount = 1024

  /// Whether a file begins like one with this header.
  static func begins(_ file: MappedFile) -> Bool {
    let magic = file.integer(Int32.self, at: 0)
    return formats.contains { $0.magic == magic && $0.version == file.integer(Int32.self, at: 4) }
  }

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
    return ShardLayout(.llmc, known.idType, headerByteCount: byteCount, count: Int(count))
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

  private static let formats: [(magic: Int32, version: Int32, idType: IDType)] = [
    (20_240_520, 1, .uint16), (20_240_801, 7, .uint32),
  ]
}
