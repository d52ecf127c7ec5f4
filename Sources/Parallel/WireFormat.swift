/// How single-precision values travel between ranks.
package enum WireFormat: String, CaseIterable, Hashable, Sendable {
  case float32
  /// Half of the bytes; values keep 8 bits of their significand.
  case bfloat16

  package var byteCount: Int {
    switch self {
    case .float32: 4
    case .bfloat16: 2
    }
  }
}

/// Which way single-precision sums of a group take; what they are to the last bit depends on it.
package enum SumRoute: Hashable, Sendable {
  /// Through memory of the machine that all ranks are on, added in rank order.
  case sharedMemory
  /// As the group's own messages.
  ///
  /// - Parameter obstacle: what keeps ranks that are all on one machine from its memory, in a line; nil where nothing does.
  case messages(obstacle: String?)
}
