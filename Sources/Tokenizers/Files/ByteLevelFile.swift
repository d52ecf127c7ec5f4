internal import JSON

/// Writes the `tokenizer.json` of a byte-level BPE, as the `tokenizers` package reads it.
struct ByteLevelFile {
  /// Bytes of each token by id; special tokens are text.
  var tokens: [[UInt8]]
  /// The ids that each merge joins, first merge first.
  var merges: [(left: Int32, right: Int32)] = []
  /// Ids of special tokens; their bytes are text.
  var special: [Int32] = []
  /// How texts are split; nil if they are not.
  var rule: PieceRule?

  var text: String {
    let model: JSONValue = [
      "type": "BPE", "dropout": nil, "unk_token": nil, "continuing_subword_prefix": nil, "end_of_word_suffix": nil,
      "fuse_unk": false, "byte_fallback": false, "ignore_merges": false, "vocab": vocabulary, "merges": mergeList,
    ]
    let root: JSONValue = [
      "version": "1.0", "truncation": nil, "padding": nil, "added_tokens": .list(special.map(addedToken)),
      "normalizer": nil, "pre_tokenizer": preTokenizer, "post_processor": nil,
      "decoder": byteLevel(usesExpression: true), "model": model,
    ]
    return root.json(pretty: true) + "\n"
  }

  private var vocabulary: JSONValue {
    .mapping(tokens.enumerated().map { .init(key: name(Int32($0.offset)), value: .integer($0.offset)) })
  }

  private var mergeList: JSONValue {
    .list(merges.map { [.text(name($0.left)), .text(name($0.right))] })
  }

  private func name(_ id: Int32) -> String {
    let bytes = tokens[Int(id)]
    return special.contains(id) ? String(decoding: bytes, as: UTF8.self) : ByteCharacters.text(of: bytes)
  }

  private func addedToken(_ id: Int32) -> JSONValue {
    [
      "id": .integer(Int(id)), "content": .text(name(id)), "single_word": false, "lstrip": false, "rstrip": false,
      "normalized": false, "special": true,
    ]
  }

  private func byteLevel(usesExpression: Bool) -> JSONValue {
    ["type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": .flag(usesExpression)]
  }

  private var preTokenizer: JSONValue {
    guard let rule, rule != .gpt2 else { return byteLevel(usesExpression: rule == .gpt2) }
    let split: JSONValue = [
      "type": "Split", "pattern": ["Regex": .text(rule.name)], "behavior": "Isolated", "invert": false,
    ]
    return ["type": "Sequence", "pretokenizers": [split, byteLevel(usesExpression: false)]]
  }
}
