internal import MappedFiles

/// A file of token ids, mapped into memory, in any ``ShardFormat``.
package final class TokenShard: Sendable {
  private let file: MappedFile
  private let layout: ShardLayout
  /// What describes a shard of Megatron.
  private let index: MegatronIndex?

  /// - Throws: ``TokenError`` for a file that is not readable, not of a known format, or not of the size that its header
  ///   or its index gives.
  package init(path: String, format: FormatChoice = .auto) throws(TokenError) {
    file = try MappedFile(shard: path)
    switch format {
    case .auto:
      index = try MegatronIndex.beside(file)
      if let index {
        layout = ShardLayout(.megatron, index.idType, headerByteCount: 0, count: index.count)
      } else {
        layout = try ShardLayout(of: file)
      }
    case .nanogpt:
      index = nil
      layout = try ShardLayout(headerless: file)
    }
  }

  package var path: String { file.path }
  package var format: ShardFormat { layout.format }
  package var idType: IDType { layout.idType }
  /// Number of ids.
  package var count: Int { layout.count }
  /// Bytes of the file, its header included, and of the index that describes it.
  package var byteCount: Int { file.byteCount + (index?.file.byteCount ?? 0) }

  /// Where documents begin; nil if nothing says so.
  package func documents() throws(TokenError) -> DocumentIndex? {
    if let index { return DocumentIndex(index) }
    return try DocumentIndex(besideShard: path, idCount: count)
  }

  /// Calls `body` with parts of the file and of its index, in order, that stand for all of them; with the whole of what
  /// is short.
  package func forEachSampledPart(_ body: (UnsafeRawBufferPointer) -> Void) {
    for file in [file] + (index.map { [$0.file] } ?? []) {
      file.withBytes { bytes in
        for range in file.sampledRanges { unsafe body(UnsafeRawBufferPointer(rebasing: bytes[range])) }
      }
    }
  }

  /// The ids in `range`. One that `Int32` cannot hold becomes the nearest that it can, which no vocabulary has.
  package func ids(_ range: Range<Int>) -> [Int32] {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "shard: ids \(range) of \(count)")
    return switch layout.idType {
    case .uint8: read(range, as: UInt8.self)
    case .uint16: read(range, as: UInt16.self)
    case .int32: read(range, as: Int32.self)
    case .uint32: read(range, as: UInt32.self)
    case .int64: read(range, as: Int64.self)
    }
  }

  /// The smallest and the largest id of the file; nil if it is empty. Reads all of it.
  package func idRange() -> ClosedRange<Int>? {
    guard count > 0 else { return nil }
    return switch layout.idType {
    case .uint8: range(of: UInt8.self)
    case .uint16: range(of: UInt16.self)
    case .int32: range(of: Int32.self)
    case .uint32: range(of: UInt32.self)
    case .int64: range(of: Int64.self)
    }
  }

  /// Checks every id of the file against a model's vocabulary.
  package func requireIDs(below vocabularySize: Int) throws(TokenError) {
    guard let range = idRange(), range.lowerBound < 0 || range.upperBound >= vocabularySize else { return }
    let place = (0..<count).first { !(0..<vocabularySize).contains(id(at: $0)) }
    throw error(ofIDAt: place ?? 0, vocabularySize: vocabularySize)
  }

  /// What to say of an id that the vocabulary has not.
  package func error(ofIDAt place: Int, vocabularySize: Int) -> TokenError {
    let byte = layout.headerByteCount + place * layout.idType.byteCount
    return TokenError(
      file: path, found: "id \(id(at: place)) at position \(place) (byte \(byte))",
      allowed: "0..<\(vocabularySize), the vocabulary")
  }

  // MARK: Integers of any width

  private func load<ID: FixedWidthInteger & BitwiseCopyable>(
    _ place: Int, _ bytes: UnsafeRawBufferPointer, as type: ID.Type
  ) -> ID {
    let offset = layout.headerByteCount + place * MemoryLayout<ID>.size
    return ID(littleEndian: unsafe bytes.loadUnaligned(fromByteOffset: offset, as: ID.self))
  }

  /// One id as it is written.
  private func id(at place: Int) -> Int {
    file.withBytes { bytes in
      switch layout.idType {
      case .uint8: unsafe Int(load(place, bytes, as: UInt8.self))
      case .uint16: unsafe Int(load(place, bytes, as: UInt16.self))
      case .int32: unsafe Int(load(place, bytes, as: Int32.self))
      case .uint32: unsafe Int(load(place, bytes, as: UInt32.self))
      case .int64: unsafe Int(load(place, bytes, as: Int64.self))
      }
    }
  }

  private func read<ID: FixedWidthInteger & BitwiseCopyable>(_ range: Range<Int>, as type: ID.Type) -> [Int32] {
    file.withBytes { bytes in
      range.map { place in Int32(clamping: unsafe load(place, bytes, as: ID.self)) }
    }
  }

  private func range<ID: FixedWidthInteger & BitwiseCopyable>(of type: ID.Type) -> ClosedRange<Int> {
    file.withBytes { bytes in
      var (smallest, largest) = (ID.max, ID.min)
      for place in 0..<count {
        let id = unsafe load(place, bytes, as: ID.self)
        smallest = min(smallest, id)
        largest = max(largest, id)
      }
      return Int(clamping: smallest)...Int(clamping: largest)
    }
  }
}
