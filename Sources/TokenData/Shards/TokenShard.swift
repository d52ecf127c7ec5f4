internal import MappedFiles

/// A file of token ids, mapped into memory: `.bin` of llm.c with 16 or 32 bits an id, or `.npy` with 16.
package final class TokenShard: Sendable {
  private let file: MappedFile
  private let layout: ShardLayout

  /// - Throws: ``TokenError`` for a file that is not readable, not of a known format, or not of the size that its
  ///   header gives.
  package init(path: String) throws(TokenError) {
    self.file = try MappedFile(shard: path)
    self.layout = try ShardLayout(of: file)
  }

  package var path: String { file.path }
  /// Number of ids.
  package var count: Int { layout.count }
  /// Bytes of the file, its header included.
  package var byteCount: Int { file.byteCount }

  /// Calls `body` with parts of the file, in order, that stand for all of it; with the whole of a short one.
  package func forEachSampledPart(_ body: (UnsafeRawBufferPointer) -> Void) {
    file.withBytes { bytes in
      for range in file.sampledRanges { unsafe body(UnsafeRawBufferPointer(rebasing: bytes[range])) }
    }
  }

  /// The ids in `range`. One that `Int32` cannot hold becomes its largest value, which no vocabulary has.
  package func ids(_ range: Range<Int>) -> [Int32] {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "shard: ids \(range) of \(count)")
    switch layout.idByteCount {
    case 2: return read(range, as: UInt16.self)
    default: return read(range, as: UInt32.self)
    }
  }

  /// The largest id of the file; nil if it is empty. Reads all of it.
  package func largestID() -> Int? {
    guard count > 0 else { return nil }
    return layout.idByteCount == 2 ? largest(UInt16.self) : largest(UInt32.self)
  }

  /// Checks every id of the file against a model's vocabulary.
  package func requireIDs(below vocabularySize: Int) throws(TokenError) {
    guard let largest = largestID(), largest >= vocabularySize else { return }
    throw TokenError(file: path, found: "id \(largest)", allowed: "0..<\(vocabularySize), the vocabulary")
  }

  private func read<ID: FixedWidthInteger & BitwiseCopyable>(_ range: Range<Int>, as type: ID.Type) -> [Int32] {
    file.withBytes { bytes in
      range.map { index in
        let offset = layout.headerByteCount + index * MemoryLayout<ID>.size
        return Int32(clamping: ID(littleEndian: unsafe bytes.loadUnaligned(fromByteOffset: offset, as: ID.self)))
      }
    }
  }

  private func largest<ID: FixedWidthInteger & BitwiseCopyable>(_ type: ID.Type) -> Int {
    file.withBytes { bytes in
      var largest: ID = 0
      for index in 0..<count {
        let offset = layout.headerByteCount + index * MemoryLayout<ID>.size
        largest = max(largest, ID(littleEndian: unsafe bytes.loadUnaligned(fromByteOffset: offset, as: ID.self)))
      }
      return Int(largest)
    }
  }
}
