package import JSON

/// A configuration of the authors' reference code, in the terms of ours.
///
/// - Source: the files of `rajesh-lab/cat-transformer`, whose field names these are.
package enum ReferenceConfig {
  /// Whether `fields` are those of a reference configuration rather than of a Hugging Face one.
  package static func matches(_ fields: JSONValue) -> Bool {
    fields["model_type"] == nil && (fields["dim"] != nil || fields["decoder"] != nil)
  }

  /// The fields of a `model` section that gives the same model, its vocabulary padded as theirs.
  ///
  /// - Parameters:
  ///   - fields: one network's fields, or one mapping for each of `decoder` and `compressor`.
  ///   - tensorNames: names of the state dict: an adaptive model is told by its separator.
  package static func modelFields(
    _ fields: JSONValue, tensorNames: Set<String>
  ) throws(JSONError) -> JSONValue {
    guard let decoder = fields["decoder"], let compressor = fields["compressor"] else {
      return try singleNetwork(fields)
    }
    let isAdaptive = tensorNames.contains("seperator.weight")
    let widths = [
      "dim": "hidden_size", "n_layer": "num_hidden_layers", "n_head": "num_heads", "n_local_heads": "num_kv_heads",
      "intermediate_size": "intermediate_size", "padded_vocab_size": "vocab_size", "use_qk_norm": "qk_norm",
      "block_size": "max_position_embeddings", "norm_eps": "norm_eps", "rope_base": "rope_theta", "dim_fx": "dim_fx",
      "chunk_size": isAdaptive ? "max_chunk_size" : "chunk_size",
    ]
    let compressorWidths = [
      "dim": "compressor_hidden_size", "n_layer": "compressor_num_layers", "n_head": "compressor_num_heads",
      "n_local_heads": "compressor_num_kv_heads", "intermediate_size": "compressor_intermediate_size",
      "use_qk_norm": "compressor_qk_norm",
    ]
    try require(decoder, path: "decoder.")
    try require(compressor, path: "compressor.")
    for key in ["padded_vocab_size", "block_size", "chunk_size", "norm_eps", "rope_base"]
    where decoder[key]?.numberValue != compressor[key]?.numberValue {
      throw .invalid(
        key: "compressor." + key, found: text(compressor[key]), allowed: "the decoder's, \(text(decoder[key]))")
    }
    return .mapping(
      [JSONValue.Entry(key: "model_type", value: .text(isAdaptive ? "cat" : "cat_fixed"))]
        + renamed(decoder, widths) + renamed(compressor, compressorWidths))
  }

  private static func singleNetwork(_ fields: JSONValue) throws(JSONError) -> JSONValue {
    let isChunked = fields["chunk_size"] != nil
    try require(fields, path: "", rotatesWholeHead: !isChunked)
    var table = [
      "dim": "hidden_size", "n_layer": "num_hidden_layers", "n_head": "num_attention_heads",
      "intermediate_size": "intermediate_size", "block_size": "max_position_embeddings",
      "padded_vocab_size": "vocab_size", "norm_eps": "rms_norm_eps", "rope_base": "rope_theta",
      "use_qk_norm": "qk_norm",
    ]
    if isChunked {
      table["chunk_size"] = "chunk_size"
      table["dim_fx"] = "dim_fx"
    } else {
      table["n_local_heads"] = "num_key_value_heads"
    }
    let kind: [JSONValue.Entry] =
      isChunked
      ? [.init(key: "model_type", value: .text("hybrid")), .init(key: "layers", value: .list([.text("cat")]))]
      : [.init(key: "model_type", value: .text("llama"))]
    return .mapping(kind + renamed(fields, table))
  }

  /// What ours cannot be told otherwise.
  private static func require(
    _ fields: JSONValue, path: String, rotatesWholeHead: Bool = true
  ) throws(JSONError) {
    for key in ["dim", "n_layer", "n_head", "padded_vocab_size", "block_size"] where fields[key]?.integerValue == nil {
      throw .invalid(key: path + key, found: text(fields[key]), allowed: "a whole number")
    }
    if rotatesWholeHead, let rotated = fields["rope_n_elem"]?.integerValue, let width = fields["dim"]?.integerValue,
      let heads = fields["n_head"]?.integerValue, rotated * heads != width
    {
      throw .invalid(key: path + "rope_n_elem", found: "\(rotated)", allowed: "the head width, dim / n_head")
    }
    if fields["use_qk_norm"]?.flagValue == true, let epsilon = fields["norm_eps"]?.numberValue, epsilon != 1e-5 {
      throw .invalid(key: path + "norm_eps", found: "\(epsilon)", allowed: "1e-05 with use_qk_norm")
    }
  }

  private static func renamed(_ fields: JSONValue, _ table: [String: String]) -> [JSONValue.Entry] {
    table.sorted { $0.key < $1.key }.compactMap { theirs, ours in
      guard let value = fields[theirs], value != .null else { return nil }
      // Minus one stands for as many key/value heads as heads.
      if theirs == "n_local_heads", value.integerValue == -1 { return nil }
      return JSONValue.Entry(key: ours, value: value)
    }
  }

  private static func text(_ value: JSONValue?) -> String {
    value.map { $0.json(pretty: false) } ?? "nothing"
  }
}
