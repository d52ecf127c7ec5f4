/// Which of our parameters a reference tensor holds, stacked along the first dimension.
struct ReferenceNames: Sendable {
  let parameters: @Sendable (_ referenceName: String) -> [String]

  /// flash-linear-attention's names are ours.
  static let huggingFace = ReferenceNames { [$0] }

  /// The authors' dense transformer: names of a layer's tensors, then of the others.
  static let referenceDense = ReferenceNames { name in
    let others = [
      "wte.weight": "model.embed_tokens.weight", "norm.weight": "model.norm.weight", "output.weight": "lm_head.weight",
    ]
    if let other = others[name] { return [other] }
    let layers: [String: [String]] = [
      "attention_norm.weight": ["input_layernorm.weight"],
      "attention.wqkv.weight": ["self_attn.q_proj.weight", "self_attn.k_proj.weight", "self_attn.v_proj.weight"],
      "attention.q_norm.weight": ["self_attn.q_norm.weight"],
      "attention.k_norm.weight": ["self_attn.k_norm.weight"],
      "attention.wo.weight": ["self_attn.o_proj.weight"],
      "ffn_norm.weight": ["post_attention_layernorm.weight"],
      "feed_forward.fc_1.weight": ["mlp.gate_proj.weight"],
      "feed_forward.fc_2.weight": ["mlp.up_proj.weight"],
      "feed_forward.proj.weight": ["mlp.down_proj.weight"],
    ]
    let parts = name.split(separator: ".", maxSplits: 2).map(String.init)
    guard parts.count == 3, parts[0] == "layers" else { return [] }
    return (layers[parts[2]] ?? []).map { "model.layers.\(parts[1]).\($0)" }
  }
}
