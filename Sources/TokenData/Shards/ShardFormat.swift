internal import MappedFiles

/// The formats in which ids lie in files.
package enum ShardFormat: String, CaseIterable, Sendable {
  /// A header of 1024 bytes, then ids of 16 or 32 bits.
  case llmc = "llm.c"
  /// One array of NumPy.
  case numpy
  /// Ids without a header, described by an index beside them.
  case megatron
  /// Ids of 16 bits and nothing else.
  case nanogpt
}

/// What a user says of the format of shards.
package enum FormatChoice: String, CaseIterable, Sendable {
  /// What each file says of itself.
  case auto
  /// No file says anything: all are ids of 16 bits.
  case nanogpt
}

/// How one id is written: an integer, little-endian.
package enum IDType: String, CaseIterable, Sendable {
  case uint8, uint16, int32, uint32, int64

  package var byteCount: Int {
    switch self {
    case .uint8: 1
    case .uint16: 2
    case .int32, .uint32: 4
    case .int64: 8
    }
  }
}

/// What a file that is no token shard may be instead, and what makes a shard of it.
enum ForeignFile {
  /// A hint for the message that refuses the file; empty where nothing is known.
  static func hint(_ file: MappedFile) -> String {
    let start = file.copy(0..<4096)
    if isText(start) {
      return "; it looks like text, of which this makes shards: catlm tokenize --output DIRECTORY \(file.path)"
    }
    if isHeaderless(start, byteCount: file.byteCount) {
      return "; it looks like 16-bit ids without a header, as nanoGPT writes them: say so with data.format: nanogpt in "
        + "a run file, with --format nanogpt on a command line"
    }
    return ""
  }

  /// Whether the first bytes of a file are UTF-8 without control characters other than white space.
  private static func isText(_ start: [UInt8]) -> Bool {
    guard !start.isEmpty, start.allSatisfy({ $0 >= 0x20 || (9...13).contains($0) }) else { return false }
    // The last character may be cut off.
    return (0..<4).contains { String(validating: start.dropLast($0), as: UTF8.self) != nil }
  }

  /// Whether the first bytes may be ids of a vocabulary of at most 51200, GPT-2's rounded up, 16 bits each.
  private static func isHeaderless(_ start: [UInt8], byteCount: Int) -> Bool {
    guard byteCount % 2 == 0, start.count > 1 else { return false }
    let highs = stride(from: 1, to: start.count, by: 2).map { start[$0] }
    // A header of another kind is mostly zeros.
    let isFull = start.count { $0 != 0 } > start.count / 3
    return isFull && highs.allSatisfy { $0 < 200 }
  }
}
