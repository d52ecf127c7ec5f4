internal import Layers
internal import TensorCore

/// CAT's compressor: the ids of a chunk to one vector of the decoder's width.
///
/// Rows of a chunk are `[A_c[C], P[chunk], tokens]`, all seeing all; without `A_c` where the chunk size is fixed. The
/// leading rows of all chunks lie before the tokens of all chunks, so that the tokens' channels are one contiguous
/// vector a chunk.
struct Compressor {
  private let fields: CATConfig
  private let embeddings: Tensor
  private let chunkPositions: Tensor
  /// Nil where the chunk size is fixed.
  private let adaptiveTable: Tensor?
  private let stack: TransformerStack
  private let projection: Tensor

  private static let prefix = "model.compressor"
  private static let finalNorm = "\(prefix).norm.weight"
  /// The adaptive vector, if there is one, and the chunk's position.
  private let leadingCount: Int

  init(_ fields: CATConfig, parameters: ParameterStore, backend: any Backend) {
    self.fields = fields
    embeddings = parameters["\(Self.prefix).wte.weight"]
    chunkPositions = parameters["\(Self.prefix).pos_tokens.weight"]
    adaptiveTable = fields.isAdaptive ? parameters["\(Self.prefix).adaptive_tokens.weight"] : nil
    leadingCount = Self.leadingCount(fields)
    projection = parameters["\(Self.prefix).proj_fx.weight"]
    let rotary = RotaryTable(
      positionCount: fields.maximumChunkSize + Self.leadingCount(fields), headWidth: fields.compressorShape.headWidth,
      base: Float(fields.rotaryBase), backend: backend)
    stack = TransformerStack(
      fields.compressorShape, names: Self.names(fields), finalNorm: Self.finalNorm, rotary: rotary,
      parameters: parameters)
  }

  private static func leadingCount(_ fields: CATConfig) -> Int { fields.isAdaptive ? 2 : 1 }

  private static func names(_ fields: CATConfig) -> [BlockNames] {
    (0..<fields.compressorLayerCount).map {
      BlockNames(prefix: "\(prefix).layers.\($0)", attention: "", attentionNorm: "attn_norm", mlpNorm: "mlp_norm")
    }
  }

  static func specs(_ fields: CATConfig, scheme: InitializationScheme) -> [ParameterSpec] {
    let width = fields.compressorHiddenSize
    let initializer = scheme.blocks(
      width: width, layerCount: fields.compressorLayerCount, range: fields.initializerRange)
    func table(_ name: String, _ rowCount: Int) -> ParameterSpec {
      ParameterSpec("\(prefix).\(name).weight", [rowCount, width], initializer.weight)
    }
    var specs = [table("wte", fields.vocabularySize), table("pos_tokens", fields.chunkPositionCount)]
    if fields.isAdaptive { specs.append(table("adaptive_tokens", fields.maximumChunkSize + 1)) }
    specs += TransformerStack.specs(
      fields.compressorShape, names: names(fields), finalNorm: finalNorm, initializer: initializer)
    let projected = [fields.hiddenSize, fields.maximumChunkSize * width]
    return specs + [ParameterSpec("\(prefix).proj_fx.weight", projected, initializer.weight)]
  }

  /// The projection to the decoder's width at a chunk size, `[D, C·d]`.
  func projection(chunkSize: Int, tape: Tape) -> Tensor {
    tape.resample(projection, width: chunkSize * fields.compressorShape.width)
  }

  /// - Parameters:
  ///   - ids: `[chunks · C]`.
  ///   - chunkIndices: `[chunks]`, place of each chunk in its sequence.
  ///   - projection: what ``projection(chunkSize:tape:)`` gave, for many calls; nil to make it in this call.
  /// - Returns: `[chunks, D]`.
  func callAsFunction(
    _ ids: Tensor, chunkIndices: Tensor, chunkSize: Int, projection: Tensor? = nil, tape: Tape
  ) -> Tensor {
    let chunkCount = chunkIndices.count
    let shape = fields.compressorShape
    let normed = stack(
      input(ids, chunkIndices: chunkIndices, chunkSize: chunkSize, tape: tape), tape: tape
    ) { _, isLast in
      .pattern(
        shape.attention(
          .blocks(leading: leadingCount, length: chunkSize), sequenceCount: chunkCount, dropsFirstQueries: isLast))
    }
    let channels = normed.reshaped([chunkCount, chunkSize * shape.width])
    return tape.linear(
      channels, weight: projection ?? self.projection(chunkSize: chunkSize, tape: tape), dtype: tape.types.residual)
  }

  private func input(_ ids: Tensor, chunkIndices: Tensor, chunkSize: Int, tape: Tape) -> Tensor {
    let chunkCount = chunkIndices.count
    let leadingRows = leadingCount * chunkCount
    func leading(_ place: Int) -> RowSelection {
      RowSelection(tape.indices(IndexRuns(start: place, stride: leadingCount, runCount: chunkCount)))
    }
    var sources = [
      RowSource(chunkPositions, rows: RowSelection(chunkIndices), to: leading(leadingCount - 1)),
      RowSource(embeddings, rows: RowSelection(ids), to: RowSelection(from: leadingRows)),
    ]
    if let adaptiveTable {
      let rows = RowSelection(tape.indices(IndexRuns(repeating: chunkSize, count: chunkCount)))
      sources.append(RowSource(adaptiveTable, rows: rows, to: leading(0)))
    }
    return tape.assemble(count: leadingRows + ids.count, dtype: tape.types.residual, sources)
  }
}

extension Compressor {
  /// The authors' names for the compressor's parameters.
  static func referenceTensors(_ fields: CATConfig) -> [ReferenceTensor] {
    var tensors = [
      ReferenceTensor("f.wte.weight", ["\(prefix).wte.weight"]),
      ReferenceTensor("f.pos_tokens.weight", ["\(prefix).pos_tokens.weight"]),
    ]
    if fields.isAdaptive {
      tensors.append(
        ReferenceTensor(
          "f.adaptive_token.weight", ["\(prefix).adaptive_tokens.weight"], rows: fields.referenceAdaptiveRows))
    }
    for (layer, names) in names(fields).enumerated() {
      tensors += ReferenceTensor.block("f.layers.\(layer)", names, hasHeadNorm: fields.compressorHasHeadNorm)
    }
    return tensors + [
      ReferenceTensor("f.norm.weight", [finalNorm]),
      ReferenceTensor("f.proj_fx.weight", ["\(prefix).proj_fx.weight"]),
    ]
  }
}
