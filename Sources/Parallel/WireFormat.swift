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

/// The upper half of a single-precision value's bits.
enum BFloat16 {
  /// The nearest value, of two the even one; not a number stays none.
  static func bits(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    let nearest = (bits &+ 0x7fff &+ (bits >> 16 & 1)) >> 16
    // Rounding could carry into the exponent and make an infinity of it.
    return UInt16(truncatingIfNeeded: value.isNaN ? bits >> 16 | 0x40 : nearest)
  }

  static func value(_ bits: UInt16) -> Float { Float(bitPattern: UInt32(bits) << 16) }

  static func rounded(_ value: Float) -> Float { Self.value(bits(value)) }
}
