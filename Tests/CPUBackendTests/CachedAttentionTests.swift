import ReferenceBackend
import TensorCore
import Testing

struct CachedAttentionTests {
  /// Query heads, key/value heads, head width, slots, new rows, queries.
  struct Case: Sendable {
    var headCount = 2
    var keyValueHeadCount = 2
    var headWidth = 16
    var slotCount = 9
    var rowCount = 1
    var queryCount = 1
    var sequenceCount = 2
    var hasNorms = false
  }

  static let cases: [Case] =
    [1, 3, 4, 5, 16, 17, 40, 700].map { Case(slotCount: $0) }
    + [2, 6, 16, 18, 24, 64, 80, 128].map { Case(headCount: 4, headWidth: $0, hasNorms: $0 % 4 == 0) }
    + [1, 2, 4].map { Case(headCount: 4, keyValueHeadCount: $0, rowCount: 3, queryCount: 2, hasNorms: true) }
    + [0, 1, 5].map { Case(rowCount: 5, queryCount: $0, sequenceCount: 1) }
    + [Case(sequenceCount: 0), Case(headCount: 16, headWidth: 64, slotCount: 300, sequenceCount: 3)]

  @Test(arguments: Configuration.all)
  func `new rows are stored and attend as the reference says`(in configuration: Configuration) {
    for testCase in Self.cases {
      expectReferenceResults(configuration, within: 4e-6, "\(testCase)") { testCase.run(on: $0) }
    }
  }

  /// The causal op, whose rows see what a cache that grows row by row holds.
  @Test(arguments: Configuration.all)
  func `row by row it gives what causal attention gives`(in configuration: Configuration) {
    let backend = configuration.backend()
    let testCase = Case(
      headCount: 4, keyValueHeadCount: 2, slotCount: 21, rowCount: 21, sequenceCount: 1, hasNorms: true)
    let packed = backend.random([21, testCase.shape.packedWidth], seed: 1, scale: 2)
    let tables = testCase.tables(on: backend)
    let whole = backend.random([21, testCase.shape.queryWidth], seed: 2)
    let logSumExp = backend.random([21, 4], seed: 2)
    backend.attention(packed, shape: testCase.shape, tables: tables, output: whole, logSumExp: logSumExp)

    let cache = KeyValueCache(sequenceCount: 1, slotCount: 21, keyValueWidth: 32, backend: backend)
    var single = testCase
    single.rowCount = 1
    for row in 0..<21 {
      let call = CachedAttention(
        shape: single.shape, rows: [CachedRow(slot: row, position: row)], queryCount: 1, cache: cache)
      let output = backend.random([1, testCase.shape.queryWidth], seed: 3)
      backend.cachedAttention(packed.rows(row..<row + 1), call, tables: tables, output: output)
      expectMatch(floats(output), floats(whole.rows(row..<row + 1)), within: 2e-6, "row \(row)")
    }
  }

  @Test func `any number of threads gives the same bits`() {
    let testCase = Case(headCount: 8, keyValueHeadCount: 8, headWidth: 64, slotCount: 500, sequenceCount: 3)
    let results = [1, 2, 3].map {
      bits(testCase.run(on: Configuration(level: .highest(for: .float32), threadCount: $0).backend()))
    }
    #expect(Set(results).count == 1)
  }
}

extension CachedAttentionTests.Case {
  var shape: AttentionShape {
    AttentionShape(
      pattern: .causal(length: rowCount), sequenceCount: sequenceCount, headCount: headCount,
      keyValueHeadCount: keyValueHeadCount, headWidth: headWidth)
  }

  /// The last slots, in descending order, so that slots are not rows; the last row sees all slots.
  private var rows: [CachedRow] {
    (0..<rowCount).map { index in
      CachedRow(slot: slotCount - 1 - index, position: index * 2 % 7, visibleCount: slotCount - rowCount + 1 + index)
    }
  }

  func tables(on backend: any Backend) -> AttentionTables {
    AttentionCase(
      pattern: .causal(length: max(7, rowCount)), headCount: headCount, headWidth: headWidth, hasNorms: hasNorms
    ).tables(on: backend)
  }

  /// The output and the cache after a call.
  func run(on backend: any Backend) -> [Tensor] {
    let keyValueWidth = keyValueHeadCount * headWidth
    let cache = KeyValueCache(
      sequenceCount: sequenceCount, slotCount: slotCount, keyValueWidth: keyValueWidth, backend: backend)
    cache.rows.assign(testValues(count: cache.rows.count, seed: 5, scale: 2))
    let packed = backend.random([shape.rowCount, shape.packedWidth], seed: 6, scale: 2)
    let output = backend.random([sequenceCount * queryCount, shape.queryWidth], seed: 7)
    let call = CachedAttention(shape: shape, rows: rows, queryCount: queryCount, cache: cache)
    backend.cachedAttention(packed, call, tables: tables(on: backend), output: output)
    return [output, cache.rows]
  }
}
