package import TensorCore

/// Blocks one after the other and the norm at their end.
package struct TransformerStack {
  package let shape: BlockShape
  package let rotary: RotaryTable
  private let blocks: [TransformerBlock]
  private let finalNorm: Tensor

  /// Takes its weights from `parameters` under the names that ``specs(_:names:finalNorm:initializer:)`` listed.
  package init(
    _ shape: BlockShape, names: [BlockNames], finalNorm: String, rotary: RotaryTable, parameters: ParameterStore
  ) {
    self.shape = shape
    self.rotary = rotary
    blocks = names.map { TransformerBlock(shape, names: $0, parameters: parameters) }
    self.finalNorm = parameters[finalNorm]
  }

  /// The stack's parameters in their order in memory.
  package static func specs(
    _ shape: BlockShape, names: [BlockNames], finalNorm: String, initializer: BlockInitializer
  ) -> [ParameterSpec] {
    names.flatMap { TransformerBlock.specs(shape, names: $0, initializer: initializer) }
      + [ParameterSpec(finalNorm, [shape.width], .constant(1))]
  }

  /// Runs all blocks.
  ///
  /// - Parameters:
  ///   - input: `[rows, D]`.
  ///   - context: of a layer; `isLast` for the one whose rows past the attention are `keptRows`.
  ///   - keptRows: rows that are wanted, counted among those that have a query in the last layer; nil for all.
  /// - Returns: the wanted rows of the stream after the last norm, `[keptRows, D]`.
  package func callAsFunction(
    _ input: Tensor, keptRows: Tensor? = nil, tape: Tape, context: (_ layer: Int, _ isLast: Bool) -> AttentionContext
  ) -> Tensor {
    var stream = ResidualStream(input)
    for (index, block) in blocks.enumerated() {
      let isLast = index == blocks.count - 1
      stream = block(
        stream, context: context(index, isLast), rotary: rotary, keptRows: isLast ? keptRows : nil, tape: tape)
    }
    return TransformerBlock.norm(stream, weight: finalNorm, epsilon: shape.normEpsilon, tape: tape).normed
  }

  /// Memory for what generation keeps of the rows of all sequences, a cache a layer.
  ///
  /// - Parameter slots: rows that they may keep at a time.
  package func makeCaches(slots: Int, backend: any Backend) -> [KeyValueCache] {
    blocks.map { _ in KeyValueCache(slots: slots, keyValueWidth: shape.keyValueWidth, backend: backend) }
  }
}
