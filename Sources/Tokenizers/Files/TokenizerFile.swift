internal import Foundation
package import JSON

/// Reads `tokenizer.json` of Hugging Face's `tokenizers`: byte-level BPE, and BPE over characters with byte fallback.
///
/// What is not known is refused by the name that it has in the file. `truncation` and `padding` have no effect: they are
/// about batches, and `transformers` sets them at every call.
package enum TokenizerFile {
  package static let name = "tokenizer.json"
  package static let configName = "tokenizer_config.json"

  /// Reads a file, and what belongs to it in its directory.
  package static func read(_ path: String) throws(JSONError) -> BPETokenizer {
    let bytes: [UInt8]
    do {
      bytes = Array(try Data(contentsOf: URL(filePath: path)))
    } catch {
      throw .invalid(
        key: path, found: FileManager.default.fileExists(atPath: path) ? "a file that cannot be read" : "no such file",
        allowed: "bytes, or the path of a tokenizer.json")
    }
    var companions: [String: [UInt8]] = [:]
    let directory = URL(filePath: path).deletingLastPathComponent().path
    for name in companionNames {
      if let data = FileManager.default.contents(atPath: directory + "/" + name) { companions[name] = Array(data) }
    }
    return try read(bytes, companions: companions, source: path)
  }

  /// Files that a tokenizer takes along from its directory.
  private static let companionNames = [configName, "special_tokens_map.json", "chat_template.jinja"]

  /// - Parameters:
  ///   - bytes: content of a `tokenizer.json`.
  ///   - companions: other files of its directory, by name.
  ///   - source: the file's path, for messages.
  package static func read(
    _ bytes: [UInt8], companions: [String: [UInt8]] = [:], source: String
  ) throws(JSONError) -> BPETokenizer {
    guard String(validating: bytes, as: UTF8.self) != nil else {
      throw .invalid(key: source, found: "bytes that are no UTF-8", allowed: "JSON")
    }
    let content = try TokenizerContent(bytes, source: source)
    let root = JSONReader(content.root, path: "", source: source)
    root.ignore(["version", "truncation", "padding"])

    var parts = try splitting(root)
    try TokenizerModel.read(content, root, into: &parts)
    try decoding(root, into: &parts)
    try template(content, root, into: &parts)
    try root.finish()

    let config = try TokenizerConfig(companions[configName], source: configName)
    var files = companions
    files[name] = bytes
    if files[configName] == nil {
      files[configName] = Array(TokenizerConfig.text(prefix: parts.prefix, addedTokens: parts.addedTokens).utf8)
    }
    return BPETokenizer(parts, endOfDocument: config.endOfDocument(in: parts.addedTokens), files: files)
  }

  /// The `type` of a part, which must be one of `allowed`.
  static func type(of reader: JSONReader, _ allowed: [String]) throws(JSONError) -> String {
    let type = try reader.text("type")
    guard allowed.contains(type) else {
      throw reader.invalid("type", found: "\"\(type)\"", allowed: allowed.joined(separator: ", "))
    }
    return type
  }

  /// The parts of a list under `key` if `reader` is of type `Sequence`; else itself alone.
  static func sequence(_ reader: JSONReader, _ key: String) throws(JSONError) -> [JSONReader] {
    guard try reader.text("type") == "Sequence" else { return [reader] }
    return try reader.sections(key, textKey: "type")
  }

  // MARK: Parts

  /// What happens to a text before it is merged; the alphabet's tokens are not known yet.
  private static func splitting(_ root: JSONReader) throws(JSONError) -> BPETokenizer.Parts {
    var parts = BPETokenizer.Parts(
      alphabet: .characters(fallback: []), table: TokenTable(), merges: MergeTable(capacity: 0),
      decoding: TokenDecoding())
    if root.has("normalizer") {
      for reader in try sequence(root.section("normalizer"), "normalizers") {
        parts.normalizer.append(try rewritingStep(reader))
      }
    } else {
      root.ignore(["normalizer"])
    }
    guard root.has("pre_tokenizer") else {
      root.ignore(["pre_tokenizer"])
      return parts
    }
    let readers = try sequence(root.section("pre_tokenizer"), "pretokenizers")
    for (index, reader) in readers.enumerated() {
      try addSplitting(reader, isOnly: readers.count == 1, isLast: index + 1 == readers.count, to: &parts)
    }
    return parts
  }

  private static func rewritingStep(_ reader: JSONReader) throws(JSONError) -> RewritingStep {
    switch try type(of: reader, ["NFC", "Prepend", "Replace", "Sequence"]) {
    case "NFC": return .nfc
    case "Prepend": return .prepend(Array(try reader.text("prepend").utf8))
    case "Replace": return .replace(try replacedText(reader), Array(try reader.text("content").utf8))
    default: throw reader.invalid("type", found: "\"Sequence\" in a Sequence", allowed: "NFC, Prepend, Replace")
    }
  }

  /// The text that a `Replace` looks for; regular expressions are refused.
  static func replacedText(_ reader: JSONReader) throws(JSONError) -> [UInt8] {
    let pattern = try reader.section("pattern")
    let text = try pattern.text("String")
    guard !text.isEmpty else { throw pattern.invalid("String", found: "an empty text", allowed: "text") }
    return Array(text.utf8)
  }

  private static func addSplitting(
    _ reader: JSONReader, isOnly: Bool, isLast: Bool, to parts: inout BPETokenizer.Parts
  ) throws(JSONError) {
    let type = try type(of: reader, ["ByteLevel", "Split", "Digits", "Metaspace", "Sequence"])
    if type == "Sequence" {
      throw reader.invalid("type", found: "\"Sequence\" in a Sequence", allowed: "ByteLevel, Split, Digits")
    }
    guard isLast == (type == "ByteLevel" || type == "Metaspace") else {
      throw reader.invalid("type", found: "\"\(type)\" here", allowed: "ByteLevel, or Metaspace alone, as the last")
    }
    switch type {
    case "ByteLevel":
      reader.ignore(["trim_offsets"])
      guard try !reader.flag("add_prefix_space", default: true) else {
        throw reader.invalid("add_prefix_space", found: "true", allowed: "false")
      }
      if try reader.flag("use_regex", default: true) { parts.rules.append(.gpt2) }
      parts.alphabet = .bytes([])
    case "Metaspace":
      guard isOnly else { throw reader.invalid("type", found: "\"Metaspace\" in a Sequence", allowed: "it alone") }
      try addMarks(reader, to: &parts)
    case "Digits": parts.rules.append(.numbers(areSingle: try reader.flag("individual_digits", default: false)))
    default: parts.rules.append(try splitRule(reader))
    }
  }

  private static func splitRule(_ reader: JSONReader) throws(JSONError) -> PieceRule {
    let pattern = try reader.section("pattern")
    let expression = try pattern.text("Regex")
    guard let rule = PieceRule(expression: expression) else {
      throw pattern.invalid(
        "Regex", found: "\"\(expression)\"", allowed: "the expressions of GPT-2, Llama 3 and Qwen 2, letter by letter")
    }
    let behaviour = try reader.text("behavior")
    let isInverted = try reader.flag("invert", default: false)
    // The expressions match all of every text, so both keep every match.
    guard (behaviour, isInverted) == ("Isolated", false) || (behaviour, isInverted) == ("Removed", true) else {
      throw reader.invalid(
        "behavior", found: "\"\(behaviour)\" with invert \(isInverted)", allowed: "Isolated, or Removed with invert")
    }
    return rule
  }

  private static func addMarks(_ reader: JSONReader, to parts: inout BPETokenizer.Parts) throws(JSONError) {
    try requireMark(reader)
    reader.ignore(["str_rep"])
    let prepends: RewritingStep.Prepending =
      try reader.flag("add_prefix_space", default: true)
      ? try reader.choice("prepend_scheme", default: .always) : .never
    if prepends == .never { reader.ignore(["prepend_scheme"]) }
    parts.marking = [.mark(prepends: prepends)]
    if try reader.flag("split", default: true) { parts.rules.append(.beforeMark) }
  }

  static func requireMark(_ reader: JSONReader) throws(JSONError) {
    let mark = try reader.text("replacement")
    guard mark == "▁" else { throw reader.invalid("replacement", found: "\"\(mark)\"", allowed: "▁") }
  }
}
