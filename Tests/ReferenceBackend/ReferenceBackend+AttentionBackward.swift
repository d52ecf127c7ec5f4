package import TensorCore

extension ReferenceBackend {
  /// Computes the softmax again from `packed` and does not read `output` or `logSumExp`.
  package func attentionBackward(
    _ packed: Tensor, shape: AttentionShape, tables: AttentionTables, output: Tensor, logSumExp: Tensor,
    outputGradient: Tensor, packedGradient: Tensor, queryNormGradient: Tensor?, keyNormGradient: Tensor?
  ) {
    let inputs = AttentionInputs(packed: packed, shape: shape, tables: tables)
    var queryNorm = [Double](repeating: 0, count: shape.headWidth)
    var keyNorm = queryNorm
    for keyHead in 0..<shape.keyValueHeadCount {
      var gradients = HeadGradients(inputs: inputs, keyHead: keyHead)
      for head in inputs.queryHeads(readingKeyHead: keyHead) {
        let columns = inputs.queryColumns(head: head)
        for (index, query) in inputs.queries(head: head).enumerated() {
          let gradient = query.gradients(
            gradients.accumulate(query, seeing: inputs.seen[index], outputGradient: outputGradient[index, columns]))
          packedGradient[shape.queryRows.lowerBound + index, columns] = gradient.projected
          if tables.queryNorm != nil { queryNorm.add(gradient.weight) }
        }
      }
      for row in 0..<shape.rowCount {
        let key = gradients.keys[row].gradients(gradients.keyGradients[row])
        packedGradient[row, inputs.keyColumns(head: keyHead)] = key.projected
        packedGradient[row, inputs.valueColumns(head: keyHead)] = gradients.valueGradients[row]
        if tables.keyNorm != nil { keyNorm.add(key.weight) }
      }
    }
    for i in 0..<shape.headWidth {
      if let queryNormGradient { queryNormGradient[i] += queryNorm[i] }
      if let keyNormGradient { keyNormGradient[i] += keyNorm[i] }
    }
  }
}

/// Gradients of one key/value head, which gather over the queries that read it.
private struct HeadGradients {
  let keys: [RotatedHead]
  /// With respect to the rotated keys.
  private(set) var keyGradients: [[Double]]
  private(set) var valueGradients: [[Double]]

  private let inputs: AttentionInputs
  private let values: [[Double]]

  init(inputs: AttentionInputs, keyHead: Int) {
    self.inputs = inputs
    keys = inputs.keys(head: keyHead)
    values = inputs.values(head: keyHead)
    let zeros = [Double](repeating: 0, count: inputs.shape.headWidth)
    keyGradients = Array(repeating: zeros, count: keys.count)
    valueGradients = keyGradients
  }

  /// Adds what one query gives to keys and values; returns the gradient of the rotated query.
  mutating func accumulate(_ query: RotatedHead, seeing seen: [Int], outputGradient: [Double]) -> [Double] {
    let weights = inputs.softmax(query, over: seen.map { keys[$0] }).weights
    let weightGradients = seen.map { dot(outputGradient, values[$0]) }
    let mean = dot(weights, weightGradients)
    var queryGradient = [Double](repeating: 0, count: inputs.shape.headWidth)
    for (i, key) in seen.enumerated() {
      let scoreGradient = weights[i] * (weightGradients[i] - mean) * inputs.scoreScale
      queryGradient.add(keys[key].rotated, times: scoreGradient)
      keyGradients[key].add(query.rotated, times: scoreGradient)
      valueGradients[key].add(outputGradient, times: weights[i])
    }
    return queryGradient
  }
}
