internal import JSON

/// What `tokenizer_config.json` says of a tokenizer: the texts of its special tokens.
struct TokenizerConfig {
  private var endText: String?

  /// - Parameter bytes: the file's content; nil if there is none.
  init(_ bytes: [UInt8]?, source: String) throws(JSONError) {
    guard let bytes else { return }
    let config = try JSONValue(json: bytes, source: source)
    endText = Self.text(of: config["eos_token"])
  }

  /// A token's text, which stands alone or in an object.
  private static func text(of token: JSONValue?) -> String? {
    token?.textValue ?? token?["content"]?.textValue
  }

  /// The id that ends a document: that of the `eos_token`, else of a special token that is known for it.
  func endOfDocument(in tokens: [AddedToken]) -> Int32? {
    if let endText { return tokens.first { $0.content == endText }?.id }
    return Self.known(in: tokens)?.id
  }

  private static func known(in tokens: [AddedToken]) -> AddedToken? {
    let names = ["<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>", "<｜end▁of▁sentence｜>"]
    return names.lazy.compactMap { name in tokens.first { $0.content == name && $0.isSpecial } }.first
  }

  /// The file for a tokenizer that has none, so that `AutoTokenizer.from_pretrained` gives the same ids and texts.
  ///
  /// - Parameter otherEnd: what ends documents if no added token is known for it.
  static func text(prefix: [Int32], addedTokens: [AddedToken], otherEnd: AddedToken? = nil) -> String {
    var entries: [JSONValue.Entry] = [
      .init(key: "tokenizer_class", value: "PreTrainedTokenizerFast"),
      .init(key: "clean_up_tokenization_spaces", value: false),
    ]
    if let first = prefix.first, let token = addedTokens.first(where: { $0.id == first }) {
      entries.append(.init(key: "bos_token", value: .text(token.content)))
    }
    if let end = known(in: addedTokens) ?? otherEnd {
      entries.append(.init(key: "eos_token", value: .text(end.content)))
    }
    return JSONValue.mapping(entries).json(pretty: true) + "\n"
  }
}
