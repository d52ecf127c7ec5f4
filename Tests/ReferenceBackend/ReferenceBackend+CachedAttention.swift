package import TensorCore

extension ReferenceBackend {
  package func cachedAttention(
    _ packed: Tensor, _ call: CachedAttention, tables: AttentionTables, output: Tensor
  ) {
    let inputs = AttentionInputs(packed: packed, shape: call.shape, tables: tables)
    for keyHead in 0..<call.shape.keyValueHeadCount {
      for sequence in 0..<call.shape.sequenceCount {
        let part = CachedPart(inputs: inputs, call: call, sequence: sequence, keyHead: keyHead)
        for index in call.rows.indices { part.store(index) }
        for query in 0..<call.queryCount { part.attend(query, output: output) }
      }
    }
  }
}

/// One key/value head of one sequence.
private struct CachedPart {
  let inputs: AttentionInputs
  let call: CachedAttention
  let sequence: Int
  let keyHead: Int

  private var cache: Tensor { call.cache.rows }
  private var keyColumns: Range<Int> {
    keyHead * call.shape.headWidth..<(keyHead + 1) * call.shape.headWidth
  }
  private var valueColumns: Range<Int> {
    let keyWidth = call.shape.keyValueHeadCount * call.shape.headWidth
    return keyWidth + keyColumns.lowerBound..<keyWidth + keyColumns.upperBound
  }
  private func cacheRow(_ slot: Int) -> Int { sequence * call.cache.slotCount + slot }

  /// A head of a new row.
  private func head(_ index: Int, columns: Range<Int>, norm: Tensor?) -> [Double] {
    RotatedHead(
      inputs.packed[sequence * call.rows.count + index, columns], norm: norm, tables: inputs.tables,
      position: call.rows[index].position
    ).rotated
  }

  func store(_ index: Int) {
    let row = cacheRow(call.rows[index].slot)
    cache[row, keyColumns] = head(index, columns: inputs.keyColumns(head: keyHead), norm: inputs.tables.keyNorm)
    cache[row, valueColumns] =
      inputs.packed[sequence * call.rows.count + index, inputs.valueColumns(head: keyHead)]
  }

  /// - Parameter query: counted from the first row that attends.
  func attend(_ query: Int, output: Tensor) {
    let index = call.rows.count - call.queryCount + query
    let seen = (0..<call.rows[index].visibleCount).map(cacheRow)
    for queryHead in inputs.queryHeads(readingKeyHead: keyHead) {
      let columns = inputs.queryColumns(head: queryHead)
      let rotated = head(index, columns: columns, norm: inputs.tables.queryNorm)
      let weights = inputs.softmax(seen.map { dot(rotated, cache[$0, keyColumns]) * inputs.scoreScale }).weights
      var mean = [Double](repeating: 0, count: call.shape.headWidth)
      for (row, weight) in zip(seen, weights) { mean.add(cache[row, valueColumns], times: weight) }
      output[sequence * call.queryCount + query, columns] = mean
    }
  }
}
