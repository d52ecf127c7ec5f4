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
  private let blocks: [TransformerBlock]
  private let finalNorm: Tensor
  private let projection: Tensor
  private let rotary: RotaryTable

  private static let prefix = "model.compressor"
  /// The adaptive vector, if there is one, and the chunk's position.
  private let leadingCount: Int

  init(_ fields: CATConfig, parameters: ParameterStore, backend: any Backend) {
    self.fields = fields
    embeddings = parameters["\(Self.prefix).wte.weight"]
    chunkPositions = parameters["\(Self.prefix).pos_tokens.weight"]
    adaptiveTable = fields.isAdaptive ? parameters["\(Self.prefix).adaptive_tokens.weight"] : nil
    leadingCount = Self.leadingCount(fields)
    blocks = (0..<fields.compressorLayerCount).map {
      TransformerBlock(fields.compressorShape, names: Self.names($0), parameters: parameters)
    }
    finalNorm = parameters["\(Self.prefix).norm.weight"]
    projection = parameters["\(Self.prefix).proj_fx.weight"]
    rotary = RotaryTable(
      positionCount: fields.maximumChunkSize + Self.leadingCount(fields), headWidth: fields.compressorShape.headWidth,
      base: Float(fields.rotaryBase), backend: backend)
  }

  private static func leadingCount(_ fields: CATConfig) -> Int { fields.isAdaptive ? 2 : 1 }

  private static func names(_ layer: Int) -> BlockNames {
    BlockNames(prefix: "\(prefix).layers.\(layer)", attention: "", attentionNorm: "attn_norm", mlpNorm: "mlp_norm")
  }

  static func specs(_ fields: CATConfig, scheme: InitializationScheme) -> [ParameterSpec] {
    let width = fields.compressorHiddenSize
    let weight = scheme.weight(width: width, range: fields.initializerRange)
    let initializer = BlockInitializer(
      weight: weight,
      branchOutput: scheme.branchOutput(
        width: width, layerCount: fields.compressorLayerCount, range: fields.initializerRange))
    var specs = [
      ParameterSpec("\(prefix).wte.weight", [fields.vocabularySize, width], weight),
      ParameterSpec("\(prefix).pos_tokens.weight", [fields.chunkPositionCount, width], weight),
    ]
    if fields.isAdaptive {
      specs.append(
        ParameterSpec("\(prefix).adaptive_tokens.weight", [fields.maximumChunkSize + 1, width], weight))
    }
    for layer in 0..<fields.compressorLayerCount {
      specs += TransformerBlock.specs(fields.compressorShape, names: names(layer), initializer: initializer)
    }
    return specs + [
      ParameterSpec("\(prefix).norm.weight", [width], .constant(1)),
      ParameterSpec("\(prefix).proj_fx.weight", [fields.hiddenSize, fields.maximumChunkSize * width], weight),
    ]
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
    var stream = ResidualStream(input(ids, chunkIndices: chunkIndices, chunkSize: chunkSize, tape: tape))
    let shape = fields.compressorShape
    for index in blocks.indices {
      let attention = shape.attention(
        .blocks(leading: leadingCount, length: chunkSize), sequenceCount: chunkCount,
        dropsFirstQueries: index == blocks.count - 1)
      stream = blocks[index](stream, attention: attention, rotary: rotary, tape: tape)
    }
    let normed = TransformerBlock.norm(stream, weight: finalNorm, epsilon: shape.normEpsilon, tape: tape).normed
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
    for layer in 0..<fields.compressorLayerCount {
      tensors += ReferenceTensor.block(
        "f.layers.\(layer)", names(layer), hasHeadNorm: fields.compressorHasHeadNorm)
    }
    return tensors + [
      ReferenceTensor("f.norm.weight", ["\(prefix).norm.weight"]),
      ReferenceTensor("f.proj_fx.weight", ["\(prefix).proj_fx.weight"]),
    ]
  }
}
