internal import Layers
package import TensorCore

/// The Compress & Attend Transformer in its packed layout: of any chunk size, or of one alone.
///
/// An adaptive model has separators, which predict the first token of a chunk, and a vector for each chunk size before
/// the first chunk. In one of a fixed chunk size, the vector of a finished chunk predicts the first token of the next one,
/// and one learned vector stands before the first chunk.
///
/// - Source: arXiv:2511.05313. Names and details as in flash-linear-attention 0.6.0; of the fixed model, as in
///   `cat_transformer.py` of the authors' reference code.
package final class CATModel: LanguageModel {
  package let config: ModelConfig
  package let parameters: ParameterStore
  package let head: Tensor

  let fields: CATConfig
  let compressor: Compressor
  let embeddings: Tensor
  let stack: TransformerStack
  /// Stands before the tokens of each chunk; nil where the vector before a chunk predicts its first token.
  let separator: Tensor?
  private let startTable: Tensor

  /// - Parameter config: what it is called outside.
  package init(_ fields: CATConfig, config: ModelConfig, isTrained: Bool, backend: any Backend) {
    let store = ParameterStore(Self.specs(fields, scheme: .fla), isTrained: isTrained, backend: backend)
    self.fields = fields
    self.config = config
    parameters = store
    compressor = Compressor(fields, parameters: store, backend: backend)
    embeddings = store["model.embeddings.weight"]
    startTable = store[Self.startTable(fields)]
    separator = fields.isAdaptive ? store["model.separator.weight"] : nil
    let rotary = RotaryTable(
      positionCount: fields.maximumChunkSize + 1, headWidth: fields.decoderShape.headWidth,
      base: Float(fields.rotaryBase), backend: backend)
    stack = TransformerStack(
      fields.decoderShape, names: Self.names(fields), finalNorm: "model.norm.weight", rotary: rotary, parameters: store)
    head = store.optional("lm_head.weight") ?? embeddings
  }

  package convenience init(_ fields: CATConfig, isTrained: Bool, backend: any Backend) {
    self.init(fields, config: ModelConfig(fields), isTrained: isTrained, backend: backend)
  }

  static func names(_ fields: CATConfig) -> [BlockNames] {
    (0..<fields.layerCount).map {
      BlockNames(prefix: "model.layers.\($0)", attention: ".attn", attentionNorm: "attn_norm", mlpNorm: "mlp_norm")
    }
  }

  private static func startTable(_ fields: CATConfig) -> String {
    fields.isAdaptive ? "model.adaptive_token.weight" : "model.dummy_fx.weight"
  }

  /// All parameters in their order in memory.
  package static func specs(_ fields: CATConfig, scheme: InitializationScheme) -> [ParameterSpec] {
    let width = fields.hiddenSize
    let initializer = scheme.blocks(width: width, layerCount: fields.layerCount, range: fields.initializerRange)
    func table(_ name: String, _ rowCount: Int) -> ParameterSpec {
      ParameterSpec(name, [rowCount, width], initializer.weight)
    }
    var specs = Compressor.specs(fields, scheme: scheme)
    specs.append(table("model.embeddings.weight", fields.vocabularySize))
    if fields.isAdaptive { specs.append(table("model.separator.weight", 1)) }
    specs.append(table(startTable(fields), fields.isAdaptive ? fields.maximumChunkSize + 1 : 1))
    specs += TransformerStack.specs(
      fields.decoderShape, names: names(fields), finalNorm: "model.norm.weight", initializer: initializer)
    return specs + (fields.tiesEmbeddings ? [] : [table("lm_head.weight", fields.vocabularySize)])
  }

  package func hidden(_ input: ModelInput, tape: Tape) -> Tensor {
    check(input.chunkSize)
    let length = input.sequences.length
    precondition(length <= fields.maximumLength, "\(length) tokens of at most \(fields.maximumLength)")
    let layouts = layouts(input)
    let compressed = compressedChunks(input, tape: tape)
    let outputRows = tape.indices(layouts.outputRows)
    return stack(
      decoderInput(input, compressed: compressed, layouts: layouts, tape: tape),
      keptRows: input.positions.map { tape.gather(outputRows, at: $0) } ?? outputRows, tape: tape
    ) { _, isLast in
      .patterns(attention(layouts, dropsFirstQueries: isLast && layouts.hasSeparators))
    }
  }

  private func attention(_ layouts: ChunkLayouts, dropsFirstQueries: Bool) -> AttentionCalls {
    AttentionCalls(
      layouts.layouts.map {
        fields.decoderShape.attention(
          $0.pattern, sequenceCount: $0.sampleCount, dropsFirstQueries: dropsFirstQueries)
      })
  }

  package func slotCounts(length: Int, chunkSize: Int) -> [Int] {
    check(chunkSize)
    let chunkCount = (length + chunkSize - 1) / chunkSize
    return [chunkCount + (separator == nil ? max(chunkSize - 1, 1) : max(chunkSize, 2))]
  }

  package func makeDecodeState(_ room: DecodeRoom, backend: any Backend) -> any DecodeState {
    CATDecodeState(self, room: room, backend: backend)
  }

  private func check(_ chunkSize: Int) {
    let allowed = config.chunkSizes ?? 1...fields.maximumChunkSize
    precondition(allowed.contains(chunkSize), "chunk size \(chunkSize) of \(allowed)")
  }

  private func layouts(_ input: ModelInput) -> ChunkLayouts {
    ChunkLayouts(input.sequences, chunkSize: input.chunkSize, hasSeparators: fields.isAdaptive)
  }

  /// One vector for each full chunk, `[B·F, D]`, chunks of a sequence side by side.
  package func compressedChunks(_ input: ModelInput, tape: Tape) -> Tensor {
    let layouts = layouts(input)
    let ids = layouts.areWhole ? input.ids : tape.gather(input.ids, at: tape.indices(layouts.fullChunkPositions))
    return compressor(
      ids, chunkIndices: tape.indices(layouts.fullChunkIndices), chunkSize: input.chunkSize, tape: tape)
  }

  /// The row before the first chunk of `count` sequences.
  private func start(count: Int, chunkSize: Int, to rows: RowSelection, tape: Tape) -> RowSource {
    start(sizes: RowSelection(tape.indices(IndexRuns(repeating: chunkSize, count: count))), to: rows, tape: tape)
  }

  /// The row before the first chunk of some sequences.
  ///
  /// - Parameter sizes: the chunk size of each.
  func start(sizes: RowSelection, to rows: RowSelection, tape: Tape) -> RowSource {
    guard !fields.isAdaptive, let count = sizes.indices?.count else {
      return RowSource(startTable, rows: sizes, to: rows)
    }
    return RowSource(
      startTable, rows: RowSelection(tape.indices(IndexRuns(repeating: 0, count: count))), to: rows)
  }

  private func decoderInput(_ input: ModelInput, compressed: Tensor, layouts: ChunkLayouts, tape: Tape) -> Tensor {
    func rows(_ recipe: some IndexRecipe) -> RowSelection { RowSelection(tape.indices(recipe)) }
    var sources = [
      start(count: layouts.sampleCount, chunkSize: input.chunkSize, to: rows(layouts.startRows), tape: tape),
      RowSource(compressed, rows: .all, to: rows(layouts.chunkRows)),
    ]
    if let separator {
      let only = IndexRuns(repeating: 0, count: layouts.separatorCount)
      sources.append(RowSource(separator, rows: rows(only), to: rows(layouts.separatorRows)))
    }
    sources.append(
      RowSource(
        embeddings, rows: RowSelection(tape.gather(input.ids, at: tape.indices(layouts.tokenPositions))),
        to: rows(layouts.tokenRows), frozenRow: fields.paddingID.map(Int32.init)))
    return tape.assemble(count: layouts.rowCount, dtype: tape.types.residual, sources)
  }
}
