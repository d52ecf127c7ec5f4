internal import Foundation
internal import MappedFiles

/// The index of a Megatron data set: how wide the ids of the `.bin` beside it are, how they fall into sequences, and
/// which sequence begins a document.
///
/// `MMIDIDX\0\0`, then little-endian: version (64 bits), type of the ids (8), number S of sequences and number of
/// entries for documents (64 each), S lengths (32), S places in bytes (64), the documents' first sequences (64), of
/// which the last is S.
///
/// - Source: Megatron-LM, `indexed_dataset.py`. Its optional modes behind the documents are refused.
final class MegatronIndex: Sendable {
  static let magic = Array("MMIDIDX\0\0".utf8)
  private static let headerByteCount = 34

  let file: MappedFile
  let idType: IDType
  private let sequenceCount: Int
  /// Entries for documents, the last of which begins none.
  private let entryCount: Int
  /// Ids of all sequences.
  let count: Int

  /// The path of the index of a `.bin`.
  static func path(besideShard path: String) -> String {
    URL(filePath: path).deletingPathExtension().relativePath + ".idx"
  }

  /// The index beside a shard; nil if there is none.
  ///
  /// - Throws: ``TokenError`` for one that contradicts itself or the shard.
  static func beside(_ shard: MappedFile) throws(TokenError) -> MegatronIndex? {
    let path = path(besideShard: shard.path)
    guard path != shard.path, FileManager.default.fileExists(atPath: path) else { return nil }
    let file = try MappedFile(shard: path)
    guard file.copy(0..<magic.count) == magic else { return nil }
    let index = try MegatronIndex(file)
    try index.check(against: shard)
    return index
  }

  private init(_ file: MappedFile) throws(TokenError) {
    guard let version = file.integer(UInt64.self, at: 9), let type = file.integer(UInt8.self, at: 17),
      let sequences = file.integer(UInt64.self, at: 18), let entries = file.integer(UInt64.self, at: 26)
    else {
      throw TokenError(
        file: file.path, found: "\(file.byteCount) bytes", allowed: "a header of \(Self.headerByteCount) bytes")
    }
    guard version == 1 else { throw TokenError(file: file.path, found: "version \(version)", allowed: "version 1") }
    guard let idType = Self.types[type] else {
      throw TokenError(
        file: file.path, found: "ids of type \(type)",
        allowed: "1 (8 bits without a sign), 8 (16 bits without a sign), 4 (32 bits) or 5 (64 bits)")
    }
    // Neither number can be larger than the file, which leaves room for what follows.
    let limit = UInt64(file.byteCount)
    guard sequences <= limit, entries <= limit,
      Self.headerByteCount + 12 * Int(sequences) + 8 * Int(entries) == file.byteCount
    else {
      throw TokenError(
        file: file.path, found: "\(file.byteCount) bytes",
        allowed: "\(Self.headerByteCount) bytes, 12 for each of \(sequences) sequences and 8 for each of \(entries) "
          + "entries for documents, as its header says")
    }
    self.file = file
    self.idType = idType
    sequenceCount = Int(sequences)
    entryCount = Int(entries)
    count = try Self.sum(file, sequenceCount: sequenceCount, idType: idType)
    try checkDocuments()
  }

  private static let types: [UInt8: IDType] = [1: .uint8, 4: .int32, 5: .int64, 8: .uint16]

  /// The ids of all sequences, each of which begins where the one before ends.
  private static func sum(_ file: MappedFile, sequenceCount: Int, idType: IDType) throws(TokenError) -> Int {
    let places = headerByteCount + 4 * sequenceCount
    var count = 0
    for sequence in 0..<sequenceCount {
      let length = file.integer(Int32.self, at: headerByteCount + 4 * sequence) ?? -1
      guard length >= 0 else {
        throw TokenError(file: file.path, found: "\(length) ids in sequence \(sequence)", allowed: "0...\(Int32.max)")
      }
      let place = file.integer(Int64.self, at: places + 8 * sequence) ?? -1
      guard place == Int64(count * idType.byteCount) else {
        throw TokenError(
          file: file.path, found: "byte \(place) as the beginning of sequence \(sequence)",
          allowed: "\(count * idType.byteCount), where the one before it ends")
      }
      count += Int(length)
    }
    return count
  }

  private func checkDocuments() throws(TokenError) {
    var before = 0
    for entry in 0..<entryCount {
      let first = firstSequence(entry)
      guard first >= before, first <= sequenceCount, entry > 0 || first == 0 else {
        throw TokenError(
          file: file.path, found: "sequence \(first) as the first of document \(entry)",
          allowed: entry == 0 ? "0" : "\(before)...\(sequenceCount)")
      }
      before = first
    }
    guard entryCount == 0 || before == sequenceCount else {
      throw TokenError(
        file: file.path, found: "\(before) sequences in all documents", allowed: "\(sequenceCount), all that there are")
    }
  }

  private func check(against shard: MappedFile) throws(TokenError) {
    guard shard.byteCount == count * idType.byteCount else {
      throw TokenError(
        file: shard.path, found: "\(shard.byteCount) bytes",
        allowed: "\(count * idType.byteCount) bytes, for \(file.path) says \(count) ids of \(idType.byteCount) bytes")
    }
  }

  private func firstSequence(_ entry: Int) -> Int {
    let start = Self.headerByteCount + 12 * sequenceCount
    return file.integer(Int64.self, at: start + 8 * entry).map { Int($0) } ?? 0
  }

  // MARK: Documents

  var documentCount: Int { max(0, entryCount - 1) }

  /// Where a document begins, in ids.
  func documentStart(_ document: Int) -> Int {
    let sequence = firstSequence(document)
    guard sequence < sequenceCount else { return count }
    let place = file.integer(Int64.self, at: Self.headerByteCount + 4 * sequenceCount + 8 * sequence) ?? 0
    return Int(place) / idType.byteCount
  }
}
