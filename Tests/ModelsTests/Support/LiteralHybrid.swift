import JSON
import Models
import TensorCore

/// A transformer with a list of layers as its definition reads.
///
/// The list is read from what the configuration writes, and nothing else is taken from the code under test.
struct LiteralHybrid: LiteralModel {
  private let layers: [JSONValue]
  private let heads: LiteralNetwork.Heads
  private let headWidth: Int
  private let isTied: Bool
  var network: LiteralNetwork

  init(_ config: ModelConfig, parameters: ParameterStore) {
    let fields = config.huggingFace
    let headCount = fields["num_attention_heads"]?.integerValue ?? 0
    layers = fields["layers"]?.listValue ?? []
    heads = LiteralNetwork.Heads(
      count: headCount, keyValueCount: fields["num_key_value_heads"]?.integerValue ?? 0,
      hasNorm: fields["qk_norm"]?.flagValue ?? false)
    headWidth = (fields["hidden_size"]?.integerValue ?? 0) / headCount
    isTied = fields["tie_word_embeddings"]?.flagValue ?? false
    network = LiteralNetwork(
      parameters, epsilon: fields["rms_norm_eps"]?.numberValue ?? 0, rotaryBase: fields["rope_theta"]?.numberValue ?? 0)
  }

  func logits(_ ids: [Int32], chunkSize: Int) -> [[Double]] {
    var x = ids.map { network.table("model.embed_tokens")[Int($0)] }
    for (index, layer) in layers.enumerated() {
      let prefix = "model.layers.\(index)"
      let normed = network.normed(x, prefix + ".input_layernorm")
      x = zip(x, attended(layer, prefix, normed, chunkSize: chunkSize)).map(network.sum)
      x = zip(x, network.mlp(prefix + ".mlp", network.normed(x, prefix + ".post_attention_layernorm")))
        .map(network.sum)
    }
    let head = network.table(isTied ? "model.embed_tokens" : "lm_head")
    return network.normed(x, "model.norm").map { network.product(head, $0) }
  }

  private func attended(_ layer: JSONValue, _ prefix: String, _ x: [[Double]], chunkSize: Int) -> [[Double]] {
    switch layer["type"]?.textValue {
    case "cat":
      return chunked(layer, prefix + ".cat_attn", x, chunkSize: layer["chunk_size"]?.integerValue ?? 0, dummy: 0)
    case "adaptive_cat":
      return chunked(layer, prefix + ".cat_attn", x, chunkSize: chunkSize, dummy: chunkSize)
    default:
      let size = layer["window"]?.integerValue ?? x.count
      return network.attention(heads, prefix + ".self_attn", x, Array(x.indices)) { query, key in
        key <= query && key > query - size
      }
    }
  }

  /// CAT as a layer, the sequence padded with zeros to whole chunks.
  private func chunked(
    _ layer: JSONValue, _ prefix: String, _ x: [[Double]], chunkSize: Int, dummy: Int
  ) -> [[Double]] {
    let (block, width) = (chunkSize + 1, x[0].count)
    var padded = x
    while padded.count % chunkSize != 0 { padded.append([Double](repeating: 0, count: width)) }
    let compression = network.resampled(network.table(prefix + ".compressor"), width: chunkSize * width)
    let bias = network.weights[prefix + ".compressor.bias"]?[0] ?? []
    var rows: [[Double]] = [network.table(prefix + ".dummy_fx")[dummy]]
    for start in stride(from: 0, to: padded.count, by: chunkSize) {
      let chunk = padded[start..<start + chunkSize]
      rows += chunk.map { network.product(network.table(prefix + ".expand"), $0) }
      rows.append(network.sum(network.product(compression, chunk.flatMap { $0 }), bias))
    }
    let count = (layer["dim_fx"]?.integerValue ?? 0) / (layer["head_dim"]?.integerValue ?? 1)
    let inner = LiteralNetwork.Heads(
      count: count, keyValueCount: count, hasNorm: heads.hasNorm, rotaryWidth: headWidth)
    let mixed = network.attention(
      inner, prefix, rows, rows.indices.map { $0 % block }, LiteralNetwork.seesInChunks(of: block))
    return x.indices.map { t in
      let row = (t + 1) % chunkSize != 0 ? t / chunkSize * block + 1 + t % chunkSize : (t / chunkSize + 1) * block
      return network.product(network.table(prefix + ".final_proj"), mixed[row])
    }
  }
}
