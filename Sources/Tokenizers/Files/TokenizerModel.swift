internal import JSON

/// Reads the `model` and the `added_tokens` of a `tokenizer.json`.
enum TokenizerModel {
  /// - Parameter parts: has the pre-tokenizer, which tells whether tokens are written in characters that stand for bytes.
  static func read(
    _ content: TokenizerContent, _ root: JSONReader, into parts: inout BPETokenizer.Parts
  ) throws(JSONError) {
    let reader = try root.section("model")
    reader.ignore(["vocab", "merges"])
    let type = reader.names("type") ? try TokenizerFile.type(of: reader, ["BPE"]) : "BPE"
    guard type == "BPE", reader.names("vocab"), reader.names("merges") else {
      throw reader.invalid("vocab", found: "no vocab or no merges", allowed: "both")
    }
    for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
      if let text = try reader.optionalText(key), !text.isEmpty {
        throw reader.invalid(key, found: "\"\(text)\"", allowed: "null")
      }
    }
    if let dropout = try reader.optionalNumber("dropout"), dropout != 0 {
      throw reader.invalid("dropout", found: "\(dropout)", allowed: "null")
    }
    let hasFallback = try reader.flag("byte_fallback", default: false)
    parts.ignoresMerges = try reader.flag("ignore_merges", default: false)
    // Every character has tokens, so that none is unknown.
    reader.ignore(["unk_token", "fuse_unk"])

    let isByteLevel = isByteLevel(parts)
    guard isByteLevel || hasFallback else {
      throw reader.invalid("byte_fallback", found: "false", allowed: "true where the pre-tokenizer is not ByteLevel")
    }
    parts.table = try table(content.vocabulary, isByteLevel, reader)
    parts.alphabet = try alphabet(parts.table, isByteLevel, reader)
    parts.merges = try merges(content.merges, isByteLevel, &parts, reader)
    if !isByteLevel, parts.rules.isEmpty, !parts.mergesBeforeMark, !parts.ignoresMerges { parts.rules = [.beforeMarks] }
    try AddedTokenReader.read(root, isByteLevel, into: &parts)
  }

  static func isByteLevel(_ parts: BPETokenizer.Parts) -> Bool {
    if case .bytes = parts.alphabet { true } else { false }
  }

  private static func table(
    _ vocabulary: [(token: [UInt8], id: Int)], _ isByteLevel: Bool, _ reader: JSONReader
  ) throws(JSONError) -> TokenTable {
    var table = TokenTable()
    for (token, id) in vocabulary {
      let key = "vocab[\"\(String(decoding: token, as: UTF8.self))\"]"
      guard !token.isEmpty else { throw reader.invalid(key, found: "an empty token", allowed: "text") }
      guard !table.contains(id) else {
        throw reader.invalid(key, found: "id \(id), which another token has", allowed: "an id of its own")
      }
      let bytes = isByteLevel ? ByteCharacters.bytes(of: token.span) : token
      if let bytes, table.find(bytes) != nil { throw reader.invalid(key, found: "it twice", allowed: "once") }
      table.set(id, to: bytes ?? token, isFindable: bytes != nil)
    }
    return table
  }

  private static func alphabet(
    _ table: TokenTable, _ isByteLevel: Bool, _ reader: JSONReader
  ) throws(JSONError) -> BPETokenizer.Alphabet {
    var tokens: [Int32] = []
    for byte in UInt8(0)...255 {
      let name = isByteLevel ? ByteCharacters.text(of: [byte]) : fallbackName(of: byte)
      guard let token = isByteLevel ? table.find([byte]) : table.find(Array(name.utf8)) else {
        throw reader.invalid("vocab", found: "no token \"\(name)\"", allowed: "one for each of the 256 bytes")
      }
      tokens.append(token)
    }
    return isByteLevel ? .bytes(tokens) : .characters(fallback: tokens)
  }

  /// The token of a byte of a character that has no token: `<0x0A>`.
  private static func fallbackName(of byte: UInt8) -> String {
    let digits = String(byte, radix: 16, uppercase: true)
    return "<0x" + (digits.count == 1 ? "0" : "") + digits + ">"
  }

  private static func merges(
    _ merges: [(left: [UInt8], right: [UInt8])], _ isByteLevel: Bool, _ parts: inout BPETokenizer.Parts,
    _ reader: JSONReader
  ) throws(JSONError) -> MergeTable {
    let mark: [UInt8] = [0xE2, 0x96, 0x81]
    var result = MergeTable(capacity: merges.count)
    for (rank, merge) in merges.enumerated() {
      let left = isByteLevel ? ByteCharacters.bytes(of: merge.left.span) : merge.left
      let right = isByteLevel ? ByteCharacters.bytes(of: merge.right.span) : merge.right
      guard let left, let right, let leftID = parts.table.find(left), let rightID = parts.table.find(right),
        let joined = parts.table.find(left + right)
      else {
        let names = [merge.left, merge.right].map { "\"\(String(decoding: $0, as: UTF8.self))\"" }
        throw reader.invalid(
          "merges[\(rank)]", found: names.joined(separator: " and "),
          allowed: "two tokens of the vocabulary that make a third")
      }
      result.insert(leftID, rightID, rank: rank, result: joined)
      if right.starts(with: mark), left.suffix(3) != mark[...] { parts.mergesBeforeMark = true }
    }
    return result
  }
}

/// Reads `added_tokens`.
enum AddedTokenReader {
  static func read(
    _ root: JSONReader, _ isByteLevel: Bool, into parts: inout BPETokenizer.Parts
  ) throws(JSONError) {
    guard root.has("added_tokens") else { return root.ignore(["added_tokens"]) }
    for reader in try root.sections("added_tokens", textKey: "content") {
      let token = try token(reader)
      guard !token.content.isEmpty else { continue }
      let bytes = Array(token.content.utf8)
      let stored = isByteLevel ? ByteCharacters.bytes(of: bytes.span) ?? bytes : bytes
      let known = parts.table.find(stored)
      guard known ?? token.id == token.id else {
        throw reader.invalid("id", found: "\(token.id)", allowed: "\(known ?? 0), as in model.vocab")
      }
      guard known != nil || !parts.table.contains(Int(token.id)) || parts.table[Int(token.id)] == stored[...] else {
        throw reader.invalid("id", found: "\(token.id), which another token has", allowed: "an id of its own")
      }
      if let other = parts.addedTokens.first(where: { $0.id == token.id }), other.content != token.content {
        throw reader.invalid("id", found: "\(token.id), which another token has", allowed: "an id of its own")
      }
      parts.addedTokens.append(token)
    }
  }

  private static func token(_ reader: JSONReader) throws(JSONError) -> AddedToken {
    var token = AddedToken(
      id: Int32(try reader.integer("id", in: 0...TokenTable.largestID)), content: try reader.text("content"))
    token.isSingleWord = try reader.flag("single_word", default: false)
    token.stripsLeft = try reader.flag("lstrip", default: false)
    token.stripsRight = try reader.flag("rstrip", default: false)
    token.isNormalized = try reader.flag("normalized", default: true)
    token.isSpecial = try reader.flag("special", default: false)
    return token
  }
}
