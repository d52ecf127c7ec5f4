import Models
import TensorCore

/// The CAT of one chunk size as its definition reads: interleaved blocks without separators, padding to whole chunks.
struct LiteralFixedCAT: LiteralModel {
  let config: FixedCATConfig
  var network: LiteralNetwork

  init(_ config: FixedCATConfig, parameters: ParameterStore) {
    self.config = config
    network = LiteralNetwork(
      parameters, epsilon: config.network.normEpsilon, rotaryBase: config.network.rotaryBase)
  }

  func logits(_ ids: [Int32], chunkSize: Int) -> [[Double]] {
    let length = chunkSize + 1
    var padded = ids
    while padded.count % chunkSize != 0 { padded.append(0) }
    let chunks = stride(from: 0, to: padded.count, by: chunkSize).map { Array(padded[$0..<$0 + chunkSize]) }
    var rows: [[Double]] = []
    for (index, chunk) in chunks.enumerated() {
      let first =
        index == 0
        ? network.table("model.dummy_fx")[0]
        : network.compressed(chunks[index - 1], chunk: index - 1, config: config.network)
      rows += [first] + chunk.map { network.table("model.embeddings")[Int($0)] }
    }
    // A chunk with padding is beyond the table of chunk positions where the longest sequence has no whole number of
    // chunks; its vector predicts nothing that is kept.
    if ids.count % chunkSize == 0 {
      rows.append(network.compressed(chunks[chunks.count - 1], chunk: chunks.count - 1, config: config.network))
    }
    let hidden = network.run(
      config.network.literalDecoder, rows, positions: rows.indices.map { $0 % length },
      sees: LiteralNetwork.seesInChunks(of: length))
    let head = network.table(config.network.tiesEmbeddings ? "model.embeddings" : "lm_head")
    return ids.indices.map { t in
      let chunk = t / chunkSize
      let row = (t + 1) % chunkSize != 0 ? chunk * length + 1 + t % chunkSize : (chunk + 1) * length
      return network.product(head, hidden[row])
    }
  }
}

extension LiteralNetwork {
  /// CAT's mask over blocks of `length` rows: a row sees first rows and its own block, as far as they are not after it.
  static func seesInChunks(of length: Int) -> (_ query: Int, _ key: Int) -> Bool {
    { query, key in key <= query && (key % length == 0 || key / length == query / length) }
  }
}
