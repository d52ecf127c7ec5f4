package import TensorCore

extension ReferenceBackend {
  package func appendToCache(_ packed: Tensor, heads: AttentionHeads, rows: CachedRows, tables: AttentionTables) {
    let inputs = CachedInputs(packed: packed, heads: heads, rows: rows, tables: tables)
    for row in 0..<rows.count {
      for head in 0..<heads.keyValueCount { inputs.store(row, head: head) }
    }
  }

  package func cachedAttention(
    _ packed: Tensor, heads: AttentionHeads, rows: CachedRows, queries: Tensor?, tables: AttentionTables,
    output: Tensor
  ) {
    let inputs = CachedInputs(packed: packed, heads: heads, rows: rows, tables: tables)
    for (query, row) in (queries?.indexElements ?? Array(0..<rows.count)).enumerated() {
      for head in 0..<heads.count {
        output[query, inputs.inputs.queryColumns(head: head)] = inputs.attend(row, head: head)
      }
    }
  }
}

/// What both ops of a cache read.
private struct CachedInputs {
  let inputs: AttentionInputs
  let heads: AttentionHeads
  let cached: CachedRows
  private let places: [(sequence: Int, slot: Int, position: Int, visibleCount: Int)]

  init(packed: Tensor, heads: AttentionHeads, rows: CachedRows, tables: AttentionTables) {
    let shape = AttentionShape(pattern: .causal(length: rows.count), sequenceCount: 1, heads: heads)
    inputs = AttentionInputs(packed: packed, shape: shape, tables: tables)
    self.heads = heads
    cached = rows
    let numbers = rows.rows.indexElements
    places = stride(from: 0, to: numbers.count, by: 4).map {
      (numbers[$0], numbers[$0 + 1], numbers[$0 + 2], numbers[$0 + 3])
    }
  }

  private func cacheRow(sequence: Int, slot: Int) -> Int { sequence * cached.cache.slotCount + slot }

  private func columns(_ head: Int) -> (keys: Range<Int>, values: Range<Int>) {
    let keys = head * heads.width..<(head + 1) * heads.width
    return (keys, keys.lowerBound + heads.keyValueWidth..<keys.upperBound + heads.keyValueWidth)
  }

  private func turned(_ row: Int, columns: Range<Int>, norm: Tensor?) -> [Double] {
    RotatedHead(inputs.packed[row, columns], norm: norm, tables: inputs.tables, position: places[row].position).rotated
  }

  func store(_ row: Int, head: Int) {
    let place = places[row]
    guard place.slot >= 0 else { return }
    let target = cacheRow(sequence: place.sequence, slot: place.slot)
    let (keys, values) = columns(head)
    cached.cache.rows[target, keys] = turned(row, columns: inputs.keyColumns(head: head), norm: inputs.tables.keyNorm)
    cached.cache.rows[target, values] = inputs.packed[row, inputs.valueColumns(head: head)]
  }

  func attend(_ row: Int, head: Int) -> [Double] {
    let place = places[row]
    let (keys, values) = columns(head / (heads.count / heads.keyValueCount))
    let query = turned(row, columns: inputs.queryColumns(head: head), norm: inputs.tables.queryNorm)
    let seen = (0..<place.visibleCount).map { cacheRow(sequence: place.sequence, slot: $0) }
    let scores = seen.map { dot(query, cached.cache.rows[$0, keys]) * inputs.scoreScale }
    var mean = [Double](repeating: 0, count: heads.width)
    for (row, weight) in zip(seen, inputs.softmax(scores).weights) {
      mean.add(cached.cache.rows[row, values], times: weight)
    }
    return mean
  }
}
