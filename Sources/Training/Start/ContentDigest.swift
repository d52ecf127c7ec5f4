/// A 64-bit digest of bytes, as fast as memory: it finds accidents, not forgeries.
///
/// Each word goes through a step that can be undone, so a change of a single word always changes the digest.
package struct ContentDigest: Hashable, Sendable {
  private static let factor: UInt64 = 0x9e37_79b9_7f4a_7c15
  private var lanes = SIMD4<UInt64>(1, 2, 3, 4)
  private var byteCount = 0

  package init() {}

  package init(_ text: String) {
    add(Array(text.utf8))
  }

  package init<Element: BitwiseCopyable>(_ values: [Element]) {
    add(values)
  }

  package mutating func add<Element: BitwiseCopyable>(_ values: [Element]) {
    values.withUnsafeBytes { bytes in unsafe add(bytes) }
  }

  package mutating func add(_ bytes: UnsafeRawBufferPointer) {
    let stride = MemoryLayout<SIMD4<UInt64>>.size
    let wholeCount = bytes.count / stride * stride
    var lanes = lanes
    for offset in Swift.stride(from: 0, to: wholeCount, by: stride) {
      lanes = Self.mixed(lanes, unsafe bytes.loadUnaligned(fromByteOffset: offset, as: SIMD4<UInt64>.self))
    }
    for offset in wholeCount..<bytes.count {
      lanes = Self.mixed(lanes, SIMD4(repeating: UInt64(unsafe bytes[offset])))
    }
    self.lanes = lanes
    byteCount += bytes.count
  }

  package var value: UInt64 {
    var result = UInt64(byteCount)
    for lane in 0..<4 { result = Self.mixed(SIMD4(repeating: result), SIMD4(repeating: lanes[lane]))[0] }
    return result
  }

  private static func mixed(_ lanes: SIMD4<UInt64>, _ words: SIMD4<UInt64>) -> SIMD4<UInt64> {
    let product = (lanes ^ words) &* factor
    // High bits come down, for a product passes changes upwards alone.
    return (product &<< 32) | (product &>> 32)
  }
}
