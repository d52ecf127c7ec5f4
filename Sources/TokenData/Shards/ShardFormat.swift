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
