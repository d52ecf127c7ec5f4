internal import Layers
internal import Models
internal import TensorCore

/// The sizes that a step of a benchmark's adaptive CAT gives its kernels.
struct KernelSizes {
  /// B.
  let sampleCount: Int
  /// T, inputs of a sample.
  let length: Int
  /// C.
  let chunkSize: Int
  let vocabularySize: Int
  let decoder: BlockShape
  let compressor: BlockShape
  let parameterCount: Int
  /// Rows of logits that the head has in memory at a time.
  let logitRowCount: Int
  /// Chunk size that the compressor's projection is stored for.
  let maximumChunkSize: Int
  let cost: ModelCost
  /// A step with as many targets as a block of the head has rows.
  private let headBlock: ModelCost

  init(_ size: BenchmarkSize, chunkSize: Int) throws {
    let config = size.cat(context: size.context)
    guard let fields = config.definition as? CATConfig else {
      preconditionFailure("kernels: the size \(size) is no CAT")
    }
    sampleCount = size.sampleCount
    length = size.context - 1
    self.chunkSize = chunkSize
    vocabularySize = fields.vocabularySize
    decoder = fields.decoderShape
    compressor = fields.compressorShape
    parameterCount = config.specs(scheme: .fla).reduce(0) { $0 + $1.count }
    maximumChunkSize = fields.maximumChunkSize
    logitRowCount = max(1, min(sampleCount * length, Tape.headBlockElements / vocabularySize))
    let (B, T) = (sampleCount, length)
    func cost(targetCount: Int) -> ModelCost {
      ModelCost(config, sampleCount: B, length: T, targetCount: targetCount, chunkSize: chunkSize)
    }
    self.cost = cost(targetCount: B * T)
    headBlock = cost(targetCount: logitRowCount)
  }

  /// F, full chunks of a sample.
  private var fullChunkCount: Int { length / chunkSize }

  /// CAT's decoder: globals and locals.
  var staircase: AttentionShape {
    decoder.attention(
      .staircase(globals: fullChunkCount + 1, locals: length + 1, chunk: chunkSize), sequenceCount: sampleCount)
  }

  /// The staircase's rows where all see all: what attention costs that masks what it has computed.
  var square: AttentionShape {
    decoder.attention(.blocks(leading: 0, length: staircase.pattern.rowCount), sequenceCount: sampleCount)
  }

  /// CAT's compressor: two leading rows and the tokens of each chunk.
  var blocks: AttentionShape {
    compressor.attention(.blocks(leading: 2, length: chunkSize), sequenceCount: sampleCount * fullChunkCount)
  }

  /// A dense transformer of the decoder's width.
  var causal: AttentionShape {
    decoder.attention(.causal(length: length), sequenceCount: sampleCount)
  }

  /// A hybrid's layer that sees an eighth of the context.
  var window: AttentionShape {
    decoder.attention(.window(length: length, size: (length + 1) / 8), sequenceCount: sampleCount)
  }

  /// Rows of the decoder.
  var rowCount: Int { staircase.rowCount }

  /// The step's products, each shape once, largest first; the head's in its blocks of rows.
  var products: [ProductShape] {
    let isHead = { (shape: ProductShape) in shape.n == vocabularySize && shape.k == decoder.width }
    let shapes = cost.products.filter { !isHead($0) } + headBlock.products.filter(isHead)
    return Set(shapes).sorted { ($0.operationCount, $0.m, $0.n) > ($1.operationCount, $1.m, $1.n) }
  }
}
