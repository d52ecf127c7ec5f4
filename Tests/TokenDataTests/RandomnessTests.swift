import Testing

@testable import Randomness

@Suite struct CounterGeneratorTests {
  /// The known answers that come with the Random123 library.
  @Test(arguments: [
    (
      SIMD4<UInt32>(repeating: 0), SIMD2<UInt32>(repeating: 0),
      SIMD4<UInt32>(0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8)
    ),
    (
      SIMD4(repeating: UInt32.max), SIMD2(repeating: UInt32.max),
      SIMD4(0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd)
    ),
    (
      SIMD4(0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344), SIMD2(0xa409_3822, 0x299f_31d0),
      SIMD4(0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1)
    ),
  ])
  func `blocks are Philox 4x32-10`(counter: SIMD4<UInt32>, key: SIMD2<UInt32>, output: SIMD4<UInt32>) {
    #expect(Philox.block(counter: counter, key: key) == output)
  }

  @Test func `draws are a function of seed, stream and index, and differ in each`() {
    func draws(_ seed: UInt64, _ stream: UInt64, _ index: UInt64) -> [UInt64] {
      var generator = CounterGenerator(seed: seed, stream: stream, index: index)
      return (0..<5).map { _ in generator.next() }
    }
    #expect(draws(1, 2, 3) == draws(1, 2, 3))
    let all = [
      draws(1, 2, 3), draws(0, 2, 3), draws(1, 1, 3), draws(1, 2, 4), draws(1 << 40, 2, 3), draws(1, 1 << 40 | 2, 3),
      draws(1, 2, 1 << 40),
    ]
    #expect(Set(all.flatMap { $0 }).count == 35)
  }

  @Test(arguments: [1, 2, 3, 7, 1000]) func `integers below a bound are even`(bound: Int) {
    var generator = CounterGenerator(seed: 3, stream: .task)
    var counts = Array(repeating: 0, count: bound)
    let drawCount = 200 * bound
    for _ in 0..<drawCount { counts[generator.below(bound)] += 1 }
    let chiSquare = counts.reduce(0) { $0 + Double(($1 - 200) * ($1 - 200)) / 200 }
    #expect(chiSquare < Double(bound) + 5 * Double(2 * bound).squareRoot() + 5)
  }

  @Test func `uniform and normal numbers have their moments`() {
    var generator = CounterGenerator(seed: 5, stream: .initialWeights)
    let uniform = (0..<100_000).map { _ in generator.uniform() }
    #expect(uniform.allSatisfy { (0..<1).contains($0) })
    #expect(abs(uniform.reduce(0, +) / 100_000 - 0.5) < 0.005)
    let normal = (0..<100_000).map { _ in generator.normal() }
    #expect(normal.allSatisfy { $0.isFinite })
    #expect(abs(normal.reduce(0, +) / 100_000) < 0.015)
    #expect(abs(normal.reduce(0) { $0 + $1 * $1 } / 100_000 - 1) < 0.025)
    #expect(abs(normal.reduce(0) { $0 + $1 * $1 * $1 * $1 } / 100_000 - 3) < 0.15)
  }

  @Test func `normal numbers keep nothing for the next call`() {
    var first = CounterGenerator(seed: 5, stream: .initialWeights)
    var second = first
    _ = first.normal()
    _ = (second.next(), second.next())
    #expect(first.next() == second.next())
  }

  @Test func `choices follow their weights, and never fall on a zero`() {
    var generator = CounterGenerator(seed: 6, stream: .chunkSize)
    var counts = [0, 0, 0, 0]
    for _ in 0..<40_000 { counts[generator.choose([1, 0, 2, 1])] += 1 }
    #expect(counts[1] == 0)
    #expect(abs(counts[0] - 10_000) < 500 && abs(counts[2] - 20_000) < 500 && abs(counts[3] - 10_000) < 500)
  }
}

@Suite struct KeyedPermutationTests {
  @Test func `every size from 0 to 1000 is permuted`() {
    for count in 0...1000 {
      let order = KeyedPermutation(count: count, seed: 9, epoch: count % 3)
      var seen = Array(repeating: false, count: count)
      for index in 0..<count { seen[order[index]] = true }
      #expect(seen.allSatisfy { $0 }, "count \(count)")
    }
  }

  @Test func `epochs and seeds have their own order`() {
    func order(_ seed: UInt64, _ epoch: Int) -> [Int] {
      let permutation = KeyedPermutation(count: 1001, seed: seed, epoch: epoch)
      return (0..<1001).map { permutation[$0] }
    }
    #expect(order(1, 0) == order(1, 0))
    for other in [order(1, 1), order(2, 0), Array(0..<1001)] {
      // Two random orders agree in one place on average.
      #expect(zip(order(1, 0), other).count { $0 == $1 } < 10)
    }
  }

  @Test func `first places are even over small sizes`() {
    var counts = Array(repeating: 0, count: 6)
    for seed in 0..<6000 { counts[KeyedPermutation(count: 6, seed: UInt64(seed), epoch: 0)[0]] += 1 }
    #expect(counts.allSatisfy { abs($0 - 1000) < 150 }, "\(counts)")
  }

  @Test func `sizes beyond memory are permuted`() {
    let count = 1 << 50 + 12345
    let order = KeyedPermutation(count: count, seed: 1, epoch: 0)
    let places = Set((0..<1000).map { order[$0] })
    #expect(places.count == 1000 && places.allSatisfy { (0..<count).contains($0) })
  }
}
