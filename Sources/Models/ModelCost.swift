internal import Layers
internal import TensorCore

/// A batch as the arithmetic of a model depends on it.
package struct BatchShape: Hashable, Sendable {
  /// B.
  package let sampleCount: Int
  /// T inputs of a sample.
  package let length: Int
  /// Rows that predict, of the whole batch.
  package let targetCount: Int
  /// C of the call; ignored by models whose calls have none.
  package let chunkSize: Int
}

/// A matrix product that a step does `count` times: `[m, k] · [k, n]`.
package struct ProductShape: Hashable, Sendable {
  package let m: Int
  package let n: Int
  package let k: Int

  package init(m: Int, n: Int, k: Int) {
    self.m = m
    self.n = n
    self.k = k
  }

  package var operationCount: Double { 2 * Double(m) * Double(n) * Double(k) }
}

/// The arithmetic of a model, from its shape alone; rows that need not be computed do not count.
package struct ModelCost: Hashable, Sendable {
  /// The forward pass's products, one entry for each time one is done.
  package private(set) var products: [ProductShape] = []
  /// Operations of attention's two products over the scores that the pattern allows, forward.
  package private(set) var attentionOperations = 0.0

  /// Multiplications and additions of the forward pass's products, without attention's.
  package var productOperations: Double { products.reduce(0) { $0 + $1.operationCount } }

  /// Multiplications and additions of one forward pass.
  package var forwardOperations: Double { productOperations + attentionOperations }

  /// What a training step does as a multiple of its forward pass: a backward pass does twice as much.
  package static let trainingFactor = 3.0

  /// Forward and backward; elementwise work is not counted.
  package var trainingOperations: Double { Self.trainingFactor * forwardOperations }

  /// - Parameters:
  ///   - sampleCount: B.
  ///   - length: T inputs of a sample.
  ///   - targetCount: rows that predict, of the whole batch.
  ///   - chunkSize: C; ignored by models whose calls have none.
  package init(_ config: ModelConfig, sampleCount: Int, length: Int, targetCount: Int, chunkSize: Int) {
    self = config.definition.cost(
      of: BatchShape(sampleCount: sampleCount, length: length, targetCount: targetCount, chunkSize: chunkSize))
  }

  /// - Parameters:
  ///   - lengths: inputs of each sequence; if they differ, each input has a target.
  ///   - targetCount: rows that predict, of all sequences.
  package init(_ config: ModelConfig, lengths: [Int], targetCount: Int, chunkSize: Int) {
    let groups = Sequences(lengths: lengths).groups
    for group in groups {
      let cost = ModelCost(
        config, sampleCount: group.count, length: group.length,
        targetCount: groups.count == 1 ? targetCount : group.count * group.length, chunkSize: chunkSize)
      products += cost.products
      attentionOperations += cost.attentionOperations
    }
  }

  /// No work yet; a kind of model adds its own.
  init() {}

  /// One product `[m, k] · [k, n]`.
  mutating func add(_ m: Int, _ n: Int, _ k: Int) {
    products.append(ProductShape(m: m, n: n, k: k))
  }

  /// Both products of attention over `scoreCount` scores of heads of `width` channels together.
  mutating func addScores(_ scoreCount: Int, width: Int) {
    attentionOperations += 4 * Double(scoreCount) * Double(width)
  }

  /// A block of self-attention and MLP.
  ///
  /// - Parameters:
  ///   - deadQueryCount: rows of the second segment and of the first, if it has queries, that nobody reads.
  ///   - keptRowCount: rows that go on past the attention.
  mutating func addBlock(
    _ shape: BlockShape, attention: AttentionShape, deadQueryCount: Int = 0, keptRowCount: Int
  ) {
    let queryCount = attention.queryRows.count - deadQueryCount
    if queryCount == attention.rowCount {
      add(queryCount, attention.packedWidth, shape.width)
    } else {
      add(attention.rowCount, 2 * shape.keyValueWidth, shape.width)
      add(queryCount, shape.width, shape.width)
    }
    let scoreCount =
      attention.sequenceCount * attention.pattern.scoreCount(dropsFirstQueries: attention.dropsFirstQueries)
    addScores(scoreCount - deadQueryCount, width: shape.width)
    add(keptRowCount, shape.width, shape.width)
    addFeedForward(shape, rowCount: keptRowCount)
  }

  mutating func addFeedForward(_ shape: BlockShape, rowCount: Int) {
    add(rowCount, 2 * shape.mlpWidth, shape.width)
    add(rowCount, shape.width, shape.mlpWidth)
  }
}
