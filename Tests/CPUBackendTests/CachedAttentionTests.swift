import ReferenceBackend
import TensorCore
import Testing

struct CachedAttentionTests {
  /// Heads, slots, new rows of each sequence, and how many of them attend.
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
    + [Case(slotCount: 60, rowCount: 50, queryCount: 50, sequenceCount: 3)]

  @Test(arguments: Configuration.all)
  func `new rows are stored and attend as the reference says`(in configuration: Configuration) {
    for testCase in Self.cases {
      expectReferenceResults(configuration, within: 4e-6, "\(testCase)") { testCase.run(on: $0) }
    }
  }

  /// Three sequences at different lengths, whose rows stand in no order; one row that the cache does not keep.
  static let raggedRows: [CachedRow] = [
    CachedRow(sequence: 2, slot: 0, position: 5), CachedRow(sequence: 0, slot: 6, position: 3),
    CachedRow(sequence: 1, slot: nil, position: 2, visibleCount: 4),
    CachedRow(sequence: 0, slot: 7, position: 4, visibleCount: 2),
    CachedRow(sequence: 2, slot: 3, position: 6, visibleCount: 9),
  ]

  static let queryLists: [[Int32]?] = [nil, [4, 0, 2], []]

  @Test(arguments: Configuration.all, queryLists)
  func `each sequence has rows, slots and lengths of its own`(in configuration: Configuration, queries: [Int32]?) {
    let testCase = Case(headCount: 4, sequenceCount: 3, hasNorms: true)
    expectReferenceResults(configuration, within: 4e-6) {
      testCase.run(Self.raggedRows, queries: queries, on: $0)
    }
  }

  @Test(arguments: Configuration.all)
  func `nobody writes to a slot that no row is given`(in configuration: Configuration) {
    let backend = configuration.backend()
    let testCase = Case(sequenceCount: 3)
    let untouched = testCase.cache(on: backend).rows
    let cache = testCase.run(Self.raggedRows, queries: [], on: backend)[1]
    let written = Set(Self.raggedRows.compactMap { row in row.slot.map { row.sequence * testCase.slotCount + $0 } })
    for slot in 0..<cache.rowCount {
      let isSame = floats(cache.rows(slot..<slot + 1)) == floats(untouched.rows(slot..<slot + 1))
      #expect(isSame == !written.contains(slot), "row \(slot) of the cache")
    }
  }

  /// The causal op, whose rows see what a cache that grows row by row holds.
  @Test(arguments: Configuration.all)
  func `row by row it gives what causal attention gives`(in configuration: Configuration) {
    let backend = configuration.backend()
    let testCase = Case(
      headCount: 4, keyValueHeadCount: 2, slotCount: 21, rowCount: 21, sequenceCount: 1, hasNorms: true)
    let heads = testCase.heads
    let packed = backend.random([21, heads.packedWidth], seed: 1, scale: 2)
    let tables = testCase.tables(on: backend)
    let whole = backend.random([21, heads.queryWidth], seed: 2)
    let logSumExp = backend.random([21, 4], seed: 2)
    let shape = AttentionShape(pattern: .causal(length: 21), sequenceCount: 1, heads: heads)
    backend.attention(packed, shape: shape, tables: tables, output: whole, logSumExp: logSumExp)

    let cache = testCase.cache(on: backend)
    for row in 0..<21 {
      let rows = CachedRows(
        backend.places(CachedRow.tokens(row..<row + 1, of: 0, slotCount: 21)), in: cache)
      let output = backend.random([1, heads.queryWidth], seed: 3)
      let new = packed.rows(row..<row + 1)
      backend.appendToCache(new, heads: heads, rows: rows, tables: tables)
      backend.cachedAttention(new, heads: heads, rows: rows, queries: nil, tables: tables, output: output)
      expectMatch(floats(output), floats(whole.rows(row..<row + 1)), within: 2e-6, "row \(row)")
    }
  }

  /// The same rows, where each sequence is known by its first slot.
  @Test(arguments: Configuration.all, queryLists)
  func `sequences may own stretches of unlike lengths`(in configuration: Configuration, queries: [Int32]?) {
    let testCase = Case(headCount: 4, sequenceCount: 3, hasNorms: true)
    let stretches = Self.raggedRows.map {
      CachedRow(
        sequence: $0.sequence * testCase.slotCount, slot: $0.slot, position: $0.position, visibleCount: $0.visibleCount)
    }
    let results = [(Self.raggedRows, 9), (stretches, 1)].map { rows, slotCount in
      testCase.run(rows, slotCount: slotCount, queries: queries, on: configuration.backend()).map(floats)
    }
    #expect(results[0] == results[1])
  }

  @Test func `any number of threads gives the same bits`() {
    let testCase = Case(
      headCount: 8, keyValueHeadCount: 8, headWidth: 64, slotCount: 500, rowCount: 20, queryCount: 20, sequenceCount: 3)
    let results = [1, 2, 3].map {
      bits(testCase.run(on: Configuration(level: .highest(for: .float32), threadCount: $0).backend()))
    }
    #expect(Set(results).count == 1)
  }

  @Test func `a cache keeps the last tokens that it has slots for`() {
    let rows = CachedRow.tokens(0..<5, of: 4, slotCount: 3)
    #expect(rows.map(\.slot) == [nil, nil, 2, 0, 1])
    #expect(rows.map(\.position) == [0, 1, 2, 3, 4])
    #expect(rows.map(\.visibleCount) == [1, 2, 3, 3, 3])
    #expect(rows.map(\.sequence) == [4, 4, 4, 4, 4])
  }
}

extension Backend {
  fileprivate func places(_ rows: [CachedRow]) -> Tensor { Tape(backend: self, isRecording: false).upload(rows) }
}

extension CachedAttentionTests.Case {
  var heads: AttentionHeads {
    AttentionHeads(count: headCount, keyValueCount: keyValueHeadCount, width: headWidth)
  }

  /// The last slots, in descending order, so that slots are not rows; the last row sees all slots.
  private var rows: [CachedRow] {
    (0..<sequenceCount).flatMap { sequence in
      (0..<rowCount).map { index in
        CachedRow(
          sequence: sequence, slot: slotCount - 1 - index, position: index * 2 % 7,
          visibleCount: slotCount - rowCount + 1 + index)
      }
    }
  }

  /// The last rows of each sequence.
  private var queries: [Int32] {
    (0..<sequenceCount).flatMap { sequence in
      (rowCount - queryCount..<rowCount).map { Int32(sequence * rowCount + $0) }
    }
  }

  func tables(on backend: any Backend) -> AttentionTables {
    AttentionCase(
      pattern: .causal(length: max(7, rowCount)), headCount: headCount, headWidth: headWidth, hasNorms: hasNorms
    ).tables(on: backend)
  }

  /// A cache that is full.
  func cache(on backend: any Backend) -> KeyValueCache {
    let cache = KeyValueCache(
      sequenceCount: sequenceCount, slotCount: slotCount, keyValueWidth: heads.keyValueWidth, backend: backend)
    cache.rows.assign(testValues(count: cache.rows.count, seed: 5, scale: 2))
    return cache
  }

  func run(on backend: any Backend) -> [Tensor] { run(rows, queries: queries, on: backend) }

  /// The output and the cache after rows were appended and have attended.
  func run(
    _ rows: [CachedRow], slotCount: Int? = nil, queries: [Int32]?, on backend: any Backend
  ) -> [Tensor] {
    let full = cache(on: backend)
    let cached = CachedRows(
      backend.places(rows), in: KeyValueCache(rows: full.rows, slotCount: slotCount ?? full.slotCount))
    let packed = backend.random([rows.count, heads.packedWidth], seed: 6, scale: 2)
    let output = backend.random([queries?.count ?? rows.count, heads.queryWidth], seed: 7)
    let tables = tables(on: backend)
    backend.appendToCache(packed, heads: heads, rows: cached, tables: tables)
    backend.cachedAttention(
      packed, heads: heads, rows: cached, queries: queries.map { backend.indices($0) }, tables: tables,
      output: output)
    return [output, cached.cache.rows]
  }
}
