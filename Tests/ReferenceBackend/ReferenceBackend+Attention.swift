package import TensorCore

extension ReferenceBackend {
  package func attention(
    _ packed: Tensor, shape: AttentionShape, tables: AttentionTables, output: Tensor, logSumExp: Tensor
  ) {
    let inputs = AttentionInputs(packed: packed, shape: shape, tables: tables)
    for keyHead in 0..<shape.keyValueHeadCount {
      let keys = inputs.keys(head: keyHead)
      let values = inputs.values(head: keyHead)
      for head in inputs.queryHeads(readingKeyHead: keyHead) {
        for (row, query) in inputs.queries(head: head).enumerated() {
          let seen = inputs.seen[row]
          let softmax = inputs.softmax(query, over: seen.map { keys[$0] })
          var mean = [Double](repeating: 0, count: shape.headWidth)
          for (key, weight) in zip(seen, softmax.weights) { mean.add(values[key], times: weight) }
          output[row, inputs.queryColumns(head: head)] = mean
          logSumExp[row, head] = softmax.logSumExp
        }
      }
    }
  }
}
