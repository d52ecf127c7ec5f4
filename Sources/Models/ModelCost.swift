internal import Layers
internal import TensorCore

/// A matrix product that a step does `count` times: `[m, k] · [k, n]`.
package struct ProductShape: Hashable, Sendable {
  package let m: Int
  package let n: Int
  package let k: Int

  package var operationCount: Double { 2 * Double(m) * Double(n) * Double(k) }
}

/// The arithmetic and the memory of a model, from its shape alone; rows that need not be computed do not count.
package struct ModelCost: Hashable, Sendable {
  /// The forward pass's products, one entry for each time one is done.
  package private(set) var products: [ProductShape] = []
  /// Operations of attention's two products over the scores that the pattern allows, forward.
  package private(set) var attentionOperations = 0.0

  /// Multiplications and additions of one forward pass.
  package var forwardOperations: Double {
    products.reduce(attentionOperations) { $0 + $1.operationCount }
  }

  /// Forward, and twice as much backward; elementwise work is not counted.
  package var trainingOperations: Double { 3 * forwardOperations }

  /// - Parameters:
  ///   - sampleCount: B.
  ///   - length: T inputs of a sample.
  ///   - targetCount: rows that predict, of the whole batch.
  ///   - chunkSize: C; ignored by dense models.
  package init(_ config: ModelConfig, sampleCount: Int, length: Int, targetCount: Int, chunkSize: Int) {
    switch config {
    case .dense(let fields):
      let attention = fields.blockShape.attention(.causal(length: length), sequenceCount: sampleCount)
      addStack(fields.blockShape, layerCount: fields.layerCount, attention: attention, keptRowCount: targetCount)
      add(targetCount, fields.vocabularySize, fields.hiddenSize)
    case .cat(let fields):
      let layout = PackedLayout(sampleCount: sampleCount, length: length, chunkSize: chunkSize)
      let chunkCount = sampleCount * layout.fullChunkCount
      let compressor = fields.compressorShape
      addStack(
        compressor, layerCount: fields.compressorLayerCount,
        attention: compressor.attention(.blocks(leading: 2, length: chunkSize), sequenceCount: chunkCount),
        dropsFirstQueries: true, keptRowCount: chunkCount * chunkSize)
      add(chunkCount, fields.hiddenSize, chunkSize * compressor.width)
      addStack(
        fields.decoderShape, layerCount: fields.layerCount,
        attention: fields.decoderShape.attention(layout.pattern, sequenceCount: sampleCount),
        dropsFirstQueries: true, keptRowCount: targetCount)
      add(targetCount, fields.vocabularySize, fields.hiddenSize)
    }
  }

  private mutating func add(_ m: Int, _ n: Int, _ k: Int) {
    products.append(ProductShape(m: m, n: n, k: k))
  }

  private mutating func addStack(
    _ shape: BlockShape, layerCount: Int, attention: AttentionShape, dropsFirstQueries: Bool = false,
    keptRowCount: Int
  ) {
    for layer in 0..<layerCount {
      let isLast = layer == layerCount - 1
      let drops = isLast && dropsFirstQueries
      let rowCount = attention.rowCount
      if drops {
        add(rowCount, 2 * shape.keyValueWidth, shape.width)
        add(rowCount - attention.firstRowCount, shape.width, shape.width)
      } else {
        add(rowCount, attention.packedWidth, shape.width)
      }
      let scoreCount = attention.sequenceCount * attention.pattern.scoreCount(dropsFirstQueries: drops)
      attentionOperations += 4 * Double(scoreCount) * Double(shape.width)
      let keptCount = isLast ? keptRowCount : rowCount
      add(keptCount, shape.width, shape.width)
      add(keptCount, 2 * shape.mlpWidth, shape.width)
      add(keptCount, shape.width, shape.mlpWidth)
    }
  }
}

extension ModelConfig {
  /// Bytes of keys and values that generation at `chunkSize` keeps for a sequence of `length` tokens, in fp32.
  ///
  /// A dense model keeps every token; CAT one vector for each chunk and the rows of the current chunk.
  package func cacheBytes(length: Int, chunkSize: Int) -> Int {
    switch self {
    case .dense(let fields):
      return 4 * 2 * fields.layerCount * fields.blockShape.keyValueWidth * length
    case .cat(let fields):
      let slotCount = (length + chunkSize - 1) / chunkSize + max(chunkSize, 2)
      return 4 * 2 * fields.layerCount * fields.decoderShape.keyValueWidth * slotCount
    }
  }
}
