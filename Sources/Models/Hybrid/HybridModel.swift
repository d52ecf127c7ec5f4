internal import Layers
package import TensorCore

/// A transformer whose layers are a list: dense attention, a sliding window, or CAT as a layer.
package final class HybridModel: LanguageModel {
  package let config: ModelConfig
  package let parameters: ParameterStore
  package let head: Tensor

  enum Block {
    case plain(TransformerBlock)
    case chunked(ChunkedBlock)
  }

  let fields: HybridConfig
  let embeddings: Tensor
  let blocks: [Block]
  private let rotary: RotaryTable
  private let finalNorm: Tensor

  package init(_ fields: HybridConfig, isTrained: Bool, backend: any Backend) {
    let store = ParameterStore(Self.specs(fields, scheme: .fla), isTrained: isTrained, backend: backend)
    let shape = fields.base.blockShape
    self.fields = fields
    config = ModelConfig(fields)
    parameters = store
    embeddings = store["model.embed_tokens.weight"]
    blocks = fields.layers.indices.map { layer in
      let names = HybridConfig.names(layer)
      guard let chunked = fields.chunkedShape(layer) else {
        return .plain(TransformerBlock(shape, names: names, parameters: store))
      }
      return .chunked(
        ChunkedBlock(
          shape, names: names, attention: chunked, attentionNames: HybridConfig.chunkedNames(layer),
          parameters: store))
    }
    finalNorm = store["model.norm.weight"]
    head = store.optional("lm_head.weight") ?? embeddings
    // A chunk's rows have positions 0...C, and C may be as large as the longest sequence.
    rotary = RotaryTable(
      positionCount: fields.maximumLength + 1, headWidth: shape.headWidth, base: Float(fields.base.rotaryBase),
      backend: backend)
  }

  /// All parameters in their order in memory.
  package static func specs(_ fields: HybridConfig, scheme: InitializationScheme) -> [ParameterSpec] {
    fields.base.specs(scheme: scheme) { initializer in
      let layers = fields.layers.indices.flatMap { layer in
        let names = HybridConfig.names(layer)
        guard let chunked = fields.chunkedShape(layer) else {
          return TransformerBlock.specs(fields.base.blockShape, names: names, initializer: initializer)
        }
        return ChunkedBlock.specs(
          fields.base.blockShape, names: names, attention: chunked, attentionNames: HybridConfig.chunkedNames(layer),
          initializer: initializer)
      }
      return layers + [ParameterSpec("model.norm.weight", [fields.base.hiddenSize], .constant(1))]
    }
  }

  package func hidden(_ input: ModelInput, tape: Tape) -> Tensor {
    if let allowed = fields.chunkSizes {
      precondition(allowed.contains(input.chunkSize), "chunk size \(input.chunkSize) of \(allowed)")
    }
    let length = input.sequences.length
    precondition(length <= fields.maximumLength, "\(length) tokens of at most \(fields.maximumLength)")
    let tokens = RowSource(
      embeddings, rows: RowSelection(input.ids), to: .all, frozenRow: fields.paddingID.map(Int32.init))
    return run(
      tape.assemble(count: input.ids.count, dtype: tape.types.residual, [tokens]), keptRows: input.positions, tape: tape
    ) { index in
      let layer = fields.layers[index]
      guard let chunkSize = layer.chunkSize(ofCall: input.chunkSize) else {
        return .plain(.patterns(attention(index, input.sequences)))
      }
      return .chunked(.beginning(ChunkLayouts(input.sequences, chunkSize: chunkSize), kept: nil))
    }
  }

  /// What the rows of a call are to one layer.
  enum Context {
    case plain(AttentionContext)
    case chunked(ChunkedContext)
  }

  /// Runs all layers.
  ///
  /// - Parameters:
  ///   - input: `[tokens, D]`.
  ///   - keptRows: rows that are wanted; nil for all.
  ///   - context: of a layer.
  /// - Returns: the wanted rows after the last norm.
  func run(_ input: Tensor, keptRows: Tensor?, tape: Tape, context: (_ layer: Int) -> Context) -> Tensor {
    var stream = ResidualStream(input)
    for (index, block) in blocks.enumerated() {
      let keptRows = index == blocks.count - 1 ? keptRows : nil
      switch (block, context(index)) {
      case (.plain(let block), .plain(let context)):
        stream = block(stream, context: context, rotary: rotary, keptRows: keptRows, tape: tape)
      case (.chunked(let block), .chunked(let context)):
        stream = block(stream, context: context, rotary: rotary, keptRows: keptRows, tape: tape)
      case (.plain, .chunked), (.chunked, .plain):
        preconditionFailure("hybrid: layer \(index) is \(fields.layers[index].kind)")
      }
    }
    return TransformerBlock.norm(
      stream, weight: finalNorm, epsilon: fields.base.blockShape.normEpsilon, tape: tape
    ).normed
  }

  /// The attention of a layer without chunks over whole sequences.
  func attention(_ layer: Int, _ sequences: Sequences) -> AttentionCalls {
    AttentionCalls(
      sequences.groups.map {
        fields.base.blockShape.attention(fields.layers[layer].pattern(length: $0.length), sequenceCount: $0.count)
      })
  }

  /// One arena for each kind of layer.
  package func slotCounts(length: Int, chunkSize: Int) -> [Int] {
    if let allowed = fields.chunkSizes {
      precondition(allowed.contains(chunkSize), "chunk size \(chunkSize) of \(allowed)")
    }
    return fields.kinds.map { $0.slotCount(length: length, chunkSize: chunkSize) }
  }

  package func makeDecodeState(_ room: DecodeRoom, backend: any Backend) -> any DecodeState {
    HybridDecodeState(self, room: room, backend: backend)
  }
}

extension HybridConfig {
  /// The kinds of layers that there are, in the order in which they come.
  var kinds: [HybridLayer] {
    layers.reduce(into: []) { kinds, layer in
      if !kinds.contains(layer) { kinds.append(layer) }
    }
  }
}

extension HybridLayer {
  /// Slots that generation keeps for a sequence.
  func slotCount(length: Int, chunkSize: Int) -> Int {
    switch self {
    case .dense: return length
    case .window(let size): return min(size, length)
    case .cat, .adaptiveCAT:
      return ChunkedAttention.slotCount(length: length, chunkSize: self.chunkSize(ofCall: chunkSize) ?? 1)
    }
  }

  /// What a layer without chunks lets a sequence see.
  func pattern(length: Int) -> AttentionPattern {
    if case .window(let size) = self { .window(length: length, size: size) } else { .causal(length: length) }
  }
}
