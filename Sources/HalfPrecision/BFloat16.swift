/// The upper half of a single-precision value's bits: 8 bits of significand.
package enum BFloat16 {
  /// The nearest value, of two the even one; not a number stays none.
  @inlinable package static func bits(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    let nearest = (bits &+ 0x7fff &+ (bits >> 16 & 1)) >> 16
    // Rounding could carry into the exponent and make an infinity of it.
    return UInt16(truncatingIfNeeded: value.isNaN ? bits >> 16 | 0x40 : nearest)
  }

  @inlinable package static func value(_ bits: UInt16) -> Float { Float(bitPattern: UInt32(bits) << 16) }

  @inlinable package static func rounded(_ value: Float) -> Float { Self.value(bits(value)) }
}
