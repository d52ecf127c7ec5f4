internal import JSON

extension TokenizerFile {
  // MARK: Post-processor

  /// The ids that are put before and behind a text.
  static func template(
    _ content: TokenizerContent, _ root: JSONReader, into parts: inout BPETokenizer.Parts
  ) throws(JSONError) {
    guard root.has("post_processor") else { return root.ignore(["post_processor"]) }
    let setting = content.root["post_processor"] ?? .null
    let settings = setting["processors"]?.listValue ?? [setting]
    for (reader, setting) in zip(try sequence(root.section("post_processor"), "processors"), settings) {
      switch try type(of: reader, ["ByteLevel", "TemplateProcessing", "Sequence"]) {
      case "ByteLevel":
        // Its options are about places in the text, not about ids.
        reader.ignore(["add_prefix_space", "trim_offsets", "use_regex"])
      case "TemplateProcessing": try readTemplate(reader, setting["special_tokens"] ?? .null, into: &parts)
      default:
        throw reader.invalid("type", found: "\"Sequence\" in a Sequence", allowed: "ByteLevel, TemplateProcessing")
      }
    }
  }

  private static func readTemplate(
    _ reader: JSONReader, _ tokens: JSONValue, into parts: inout BPETokenizer.Parts
  ) throws(JSONError) {
    reader.ignore(["pair", "special_tokens"])
    var isBehind = false
    for piece in try reader.sections("single", textKey: "text") {
      if piece.names("Sequence") {
        let sequence = try piece.section("Sequence")
        sequence.ignore(["type_id"])
        let name = try sequence.text("id")
        guard name == "A", !isBehind else {
          throw sequence.invalid("id", found: "\"\(name)\"\(isBehind ? " again" : "")", allowed: "A, once")
        }
        isBehind = true
        continue
      }
      let special = try piece.section("SpecialToken")
      special.ignore(["type_id"])
      let name = try special.text("id")
      let ids = (tokens[name]?["ids"]?.listValue ?? []).map { $0.integerValue ?? -1 }
      guard !ids.isEmpty, ids.allSatisfy({ isKnown($0, parts) }) else {
        throw reader.invalid("special_tokens.\(name).ids", found: "\(ids)", allowed: "ids of the vocabulary")
      }
      if isBehind { parts.suffix += ids.map { Int32($0) } } else { parts.prefix += ids.map { Int32($0) } }
    }
    guard isBehind else { throw reader.invalid("single", found: "no Sequence", allowed: "Sequence A once") }
  }

  private static func isKnown(_ id: Int, _ parts: BPETokenizer.Parts) -> Bool {
    parts.table.contains(id) || parts.addedTokens.contains { Int($0.id) == id }
  }

  // MARK: Decoder

  /// How ids become text.
  static func decoding(_ root: JSONReader, into parts: inout BPETokenizer.Parts) throws(JSONError) {
    let isByteLevel = TokenizerModel.isByteLevel(parts)
    let steps = try sequence(root.section("decoder"), "decoders")
    guard !isByteLevel else {
      guard steps.count == 1, let reader = steps.first else {
        throw root.invalid("decoder", found: "a Sequence of \(steps.count)", allowed: "ByteLevel")
      }
      _ = try type(of: reader, ["ByteLevel"])
      reader.ignore(["add_prefix_space", "trim_offsets", "use_regex"])
      return setBytes(&parts)
    }
    try setCharacters(&parts, try CharacterDecoding(steps))
  }

  private static func setBytes(_ parts: inout BPETokenizer.Parts) {
    parts.decoding.kind = .bytes
    for id in 0..<parts.table.idCount where parts.table.contains(id) {
      parts.decoding.set(id, to: Array(parts.table[id]))
    }
    for (token, content) in parts.addedContents {
      parts.decoding.set(
        Int(token.id), to: ByteCharacters.bytes(of: content.span) ?? content, isSpecial: token.isSpecial)
    }
  }

  private static func setCharacters(
    _ parts: inout BPETokenizer.Parts, _ rules: CharacterDecoding
  ) throws(JSONError) {
    parts.decoding.kind = .characters(hasBytes: rules.hasBytes)
    parts.decoding.stripsAtStart = rules.stripCount
    parts.decoding.stripped = rules.stripped
    parts.decoding.firstLosesMarks = rules.firstLosesMarks
    for id in 0..<parts.table.idCount where parts.table.contains(id) {
      rules.set(id, Array(parts.table[id]), isSpecial: false, in: &parts.decoding)
    }
    for (token, content) in parts.addedContents {
      rules.set(Int(token.id), content, isSpecial: token.isSpecial, in: &parts.decoding)
    }
  }
}

/// The steps of a decoder of characters, in the order that they must have: `Replace` or `Metaspace`, `ByteFallback`,
/// `Fuse`, `Strip`.
private struct CharacterDecoding {
  var replacements: [(old: [UInt8], new: [UInt8])] = []
  var hasBytes = false
  var stripCount = 0
  var stripped: Unicode.Scalar = " "
  var firstLosesMarks = false

  init(_ steps: [JSONReader]) throws(JSONError) {
    let order = ["Replace", "Metaspace", "ByteFallback", "Fuse", "Strip"]
    var reached = 0
    for reader in steps {
      let type = try TokenizerFile.type(of: reader, order)
      let place = order.firstIndex(of: type) ?? 0
      guard place > reached || place == reached && type == "Replace" || steps.count == 1 else {
        throw reader.invalid("type", found: "\"\(type)\" here", allowed: "the order \(order.joined(separator: ", "))")
      }
      guard type != "Strip" || order[reached] == "Fuse" else {
        throw reader.invalid("type", found: "Strip without Fuse before it", allowed: "Fuse before it")
      }
      reached = place
      try add(type, reader)
    }
  }

  private mutating func add(_ type: String, _ reader: JSONReader) throws(JSONError) {
    switch type {
    case "Replace":
      replacements.append((try TokenizerFile.replacedText(reader), Array(try reader.text("content").utf8)))
    case "Metaspace":
      try TokenizerFile.requireMark(reader)
      reader.ignore(["str_rep", "split"])
      let prepends: RewritingStep.Prepending = try reader.choice("prepend_scheme", default: .always)
      firstLosesMarks = try reader.flag("add_prefix_space", default: true) && prepends != .never
      replacements.append(([0xE2, 0x96, 0x81], [0x20]))
    case "ByteFallback": hasBytes = true
    case "Strip":
      stripCount = try reader.integer("start", in: 0...1000)
      let content = try reader.text("content").unicodeScalars
      guard content.count == 1, let scalar = content.first else {
        throw reader.invalid("content", found: "\(content.count) characters", allowed: "one")
      }
      stripped = scalar
      guard try reader.integer("stop") == 0 else { throw reader.invalid("stop", found: "not 0", allowed: "0") }
    default: break
    }
  }

  func set(_ id: Int, _ token: [UInt8], isSpecial: Bool, in decoding: inout TokenDecoding) {
    if hasBytes, let byte = Self.byte(of: token) {
      return decoding.set(id, to: [byte], isByte: true, isSpecial: isSpecial)
    }
    var first: [UInt8]?
    if firstLosesMarks { first = Self.replacing([0xE2, 0x96, 0x81], by: [], in: token) }
    let text = replacements.reduce(token) { Self.replacing($1.old, by: $1.new, in: $0) }
    decoding.set(id, to: text, isSpecial: isSpecial, firstText: first)
  }

  private static func replacing(_ old: [UInt8], by new: [UInt8], in text: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    var index = 0
    while index < text.count {
      if text[index...].starts(with: old) {
        result += new
        index += old.count
      } else {
        result.append(text[index])
        index += 1
      }
    }
    return result
  }

  /// The byte of a token such as `<0x0A>`.
  private static func byte(of token: [UInt8]) -> UInt8? {
    guard token.count == 6, token.starts(with: Array("<0x".utf8)), token[5] == UInt8(ascii: ">") else { return nil }
    return UInt8(String(decoding: token[3..<5], as: UTF8.self), radix: 16)
  }
}
