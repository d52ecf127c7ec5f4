/// The bijection behind ``CounterGenerator``: 128 bits of counter to 128 random bits, for each key.
///
/// - Source: Philox 4×32-10, with the constants of the Random123 library.
enum Philox {
  static func block(counter: SIMD4<UInt32>, key: SIMD2<UInt32>) -> SIMD4<UInt32> {
    var (c0, c1, c2, c3) = (counter[0], counter[1], counter[2], counter[3])
    var (k0, k1) = (key[0], key[1])
    for _ in 0..<10 {
      let first = c0.multipliedFullWidth(by: 0xD251_1F53)
      let second = c2.multipliedFullWidth(by: 0xCD9E_8D57)
      (c0, c1, c2, c3) = (second.high ^ c1 ^ k0, second.low, first.high ^ c3 ^ k1, first.low)
      k0 &+= 0x9E37_79B9
      k1 &+= 0xBB67_AE85
    }
    return SIMD4(c0, c1, c2, c3)
  }
}
