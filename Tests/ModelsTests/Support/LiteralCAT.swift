import Models
import TensorCore

/// The adaptive CAT as its definition reads: interleaved blocks, padding to whole chunks. Nothing is left out because
/// nobody reads it.
struct LiteralCAT: LiteralModel {
  let config: CATConfig
  var network: LiteralNetwork

  init(_ config: CATConfig, parameters: ParameterStore) {
    self.config = config
    network = LiteralNetwork(parameters, epsilon: config.normEpsilon, rotaryBase: config.rotaryBase)
  }

  func logits(_ ids: [Int32], chunkSize: Int) -> [[Double]] {
    var padded = ids
    while padded.count % chunkSize != 0 { padded.append(Int32(config.paddingID ?? 0)) }
    let chunkCount = padded.count / chunkSize
    var rows: [[Double]] = []
    var blocks: [Int] = []
    var offsets: [Int] = []
    for block in 0...chunkCount {
      let tokens = block < chunkCount ? Array(padded[block * chunkSize..<(block + 1) * chunkSize]) : []
      let first =
        block == 0
        ? network.table("model.adaptive_token")[chunkSize]
        : network.compressed(
          Array(padded[(block - 1) * chunkSize..<block * chunkSize]), chunk: block - 1, config: config)
      rows += [first, network.table("model.separator")[0]]
      rows += tokens.map { network.table("model.embeddings")[Int($0)] }
      blocks += Array(repeating: block, count: 2 + tokens.count)
      offsets += Array(0..<2 + tokens.count)
    }
    let hidden = network.run(config.literalDecoder, rows, positions: offsets) { q, k in
      k <= q && (offsets[k] == 0 || blocks[q] == blocks[k])
    }
    let head = network.table(config.tiesEmbeddings ? "model.embeddings" : "lm_head")
    return ids.indices.map { t in
      let chunk = t / chunkSize
      let row =
        (t + 1) % chunkSize != 0 ? chunk * (chunkSize + 2) + 2 + t % chunkSize : (chunk + 1) * (chunkSize + 2) + 1
      return network.product(head, hidden[row])
    }
  }
}

extension CATConfig {
  var literalDecoder: LiteralNetwork.Stack {
    LiteralNetwork.Stack(
      prefix: "model.layers", attention: ".attn", layerCount: layerCount,
      heads: .init(count: headCount, keyValueCount: keyValueHeadCount, hasNorm: hasHeadNorm),
      finalNorm: "model.norm")
  }
}

extension LiteralNetwork {
  /// The compressor's vector of one chunk: all of its rows see each other.
  func compressed(_ ids: [Int32], chunk: Int, config: CATConfig) -> [Double] {
    let prefix = "model.compressor"
    let leading =
      (config.isAdaptive ? [table(prefix + ".adaptive_tokens")[ids.count]] : [])
      + [table(prefix + ".pos_tokens")[chunk]]
    let rows = leading + ids.map { table(prefix + ".wte")[Int($0)] }
    let stack = Stack(
      prefix: prefix + ".layers", attention: "", layerCount: config.compressorLayerCount,
      heads: .init(
        count: config.compressorHeadCount, keyValueCount: config.compressorKeyValueHeadCount,
        hasNorm: config.compressorHasHeadNorm),
      finalNorm: prefix + ".norm")
    let hidden = run(stack, rows, positions: Array(rows.indices)) { _, _ in true }
    let projection = resampled(table(prefix + ".proj_fx"), width: ids.count * config.compressorHiddenSize)
    return product(projection, hidden.dropFirst(leading.count).flatMap { $0 })
  }
}
