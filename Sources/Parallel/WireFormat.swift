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
