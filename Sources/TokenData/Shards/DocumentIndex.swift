internal import Foundation
internal import MappedFiles

/// Where documents begin in a shard, in ids from its first: what a Megatron index says, or a file beside the shard,
/// `NAME_train_000000.documents` for `NAME_train_000000.bin`.
///
/// The file is a NumPy array (`numpy.load` reads it) of 64-bit integers. A shard that goes on with a document of the one
/// before does not list it.
package struct DocumentIndex: Sendable {
  private enum Source: Sendable {
    case list(MappedFile, headerByteCount: Int)
    case megatron(MegatronIndex)
    case found([Int])
  }

  package let count: Int
  private let source: Source

  init(_ index: MegatronIndex) {
    count = index.documentCount
    source = .megatron(index)
  }

  /// Opens the file beside a shard of `idCount` ids; nil if there is none.
  ///
  /// - Throws: ``TokenError`` for one that is not of the format, or not of this shard.
  init?(besideShard shard: String, idCount: Int) throws(TokenError) {
    let path = Self.path(besideShard: shard)
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    let file = try MappedFile(shard: path)
    guard NumpyHeader.begins(file) else {
      throw TokenError(file: path, found: "no header of NumPy", allowed: "an array of 64-bit integers")
    }
    let layout = try NumpyHeader.layout(of: file, allowed: [.int64])
    guard file.byteCount == layout.headerByteCount + 8 * layout.count else {
      throw TokenError(
        file: path, found: "\(file.byteCount) bytes",
        allowed: "\(layout.headerByteCount + 8 * layout.count) bytes, for the header says \(layout.count) documents")
    }
    count = layout.count
    source = .list(file, headerByteCount: layout.headerByteCount)
    var before = 0
    for document in 0..<count {
      let start = self[document]
      guard start >= before, start <= idCount else {
        throw TokenError(
          file: path, found: "document \(document) at id \(start)", allowed: "\(before)...\(idCount), the shard's ids")
      }
      before = start
    }
  }

  /// The documents of a shard of which nothing says where they begin, by the id that each of them ends with. Reads all of
  /// it.
  init(searching shard: TokenShard, endOfDocument: Int32) {
    var starts = shard.count > 0 ? [0] : []
    for start in stride(from: 0, to: shard.count, by: Self.searchCount) {
      let ids = shard.ids(start..<min(start + Self.searchCount, shard.count))
      for (place, id) in ids.enumerated() where id == endOfDocument { starts.append(start + place + 1) }
    }
    if starts.last == shard.count { starts.removeLast() }
    count = starts.count
    source = .found(starts)
  }

  /// Ids that are looked through at a time.
  private static let searchCount = 1 << 20

  /// Where a document begins.
  package subscript(document: Int) -> Int {
    switch source {
    case .megatron(let index): index.documentStart(document)
    case .found(let starts): starts[document]
    case .list(let file, let headerByteCount):
      file.integer(Int64.self, at: headerByteCount + 8 * document).map { Int($0) } ?? 0
    }
  }

  /// The first document that begins at `id` or behind it; ``count`` if there is none.
  package func first(from id: Int) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if self[middle] < id { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// Inner boundaries of a range of ids: where documents begin behind its first id.
  func boundaries(in range: Range<Int>) -> [Int] {
    var boundaries: [Int] = []
    var document = first(from: range.lowerBound + 1)
    while document < count, self[document] < range.upperBound {
      boundaries.append(self[document])
      document += 1
    }
    return boundaries
  }

  /// Bytes of a file that says nothing but this; 0 where there is none.
  package var byteCount: Int { if case .list(let file, _) = source { file.byteCount } else { 0 } }

  /// Calls `body` with parts of such a file, in order, that stand for all of it; with the whole of a short one.
  package func forEachSampledPart(_ body: (UnsafeRawBufferPointer) -> Void) {
    guard case .list(let file, _) = source else { return }
    file.withBytes { bytes in
      for range in file.sampledRanges { unsafe body(UnsafeRawBufferPointer(rebasing: bytes[range])) }
    }
  }

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
