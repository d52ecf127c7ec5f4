import FaultSupport
import ParserOracles

/// Row 12, tokenizers: whatever is in a `tokenizer.json`, it is a tokenizer that does what it says, or one line says why not.
enum MutatedTokenizers {
  static let checks = [
    FaultCheck(12, "tokenizers", "mutated tokenizer.json", fullCount: 200_000) { _ in
      let originals = try originals()
      let words = [
        "{}", "[]", "[[", "\"", ":", ",", "{", "[", "]", "}", "null", "true", "false", "0", "-1", "1e9", "0.5",
        "4194304",
        "4194305", "\"type\":", "\"ByteLevel\"", "\"Metaspace\"", "\"Split\"", "\"Digits\"", "\"Sequence\"", "\"NFC\"",
        "\"Replace\"", "\"Strip\"", "\"content\":\"\"", "\"normalized\":true", "\"lstrip\":true", "\"\\u0000\"",
        "\"\\ud83d\"", "\u{120}", "▁", "é", "\u{FF}",
      ].map { Array($0.utf8) }
      return Attempts { index, random in
        let original = originals[index % originals.count]
        // What comes before the tokens is short and says most.
        let focus = try require(original.firstRange(of: Array("\"vocab\"".utf8)), "no vocabulary").lowerBound
        try TokenizerOracle.check(Mutation.apply(to: original, words: words, focus: focus, using: &random))
      }
    },
    FaultCheck(12, "components", "tokenizer.json with a component of a type that there is not", fullCount: 20_000) {
      _ in
      let places = try originals().flatMap { file in typeNames(in: file).map { (file, $0) } }
      return Attempts { index, random in
        var (file, place) = places[index % places.count]
        file.insert(UInt8(ascii: "x"), at: Int.random(in: place.lowerBound...place.upperBound, using: &random))
        let name = String(decoding: file[place.lowerBound...place.upperBound], as: UTF8.self)
        let line = try TokenizerOracle.refusal(of: file)
        try expect(line?.contains(name) == true, "\(name): \(line ?? "accepted")")
      }
    },
  ]

  /// Where the names of components' types stand.
  private static func typeNames(in file: [UInt8]) -> [Range<Int>] {
    file.ranges(of: Array("\"type\":\"".utf8)).map { found in
      found.upperBound..<(file[found.upperBound...].firstIndex(of: UInt8(ascii: "\"")) ?? file.count)
    }
  }

  /// Files that are whole: the families, small, with the parts that their large ones have.
  private static func originals() throws -> [[UInt8]] {
    let split =
      #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}"#
      + #"| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"#
    let byteLevel = #"{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":"#
    let sequence =
      #"{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":"\#(split)"},"behavior":"Isolated","#
      + #""invert":false},\#(byteLevel)false}]}"#
    let template =
      #"{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}},"#
      + #"{"Sequence":{"id":"A","type_id":0}}],"pair":[],"special_tokens":{"<s>":{"id":"<s>","ids":[300],"tokens":["<s>"]}}}"#
    let marks =
      #"{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"▁"},"content":" "},{"type":"ByteFallback"},"#
      + #"{"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]}"#
    let prepend =
      #"{"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"▁"},"#
      + #"{"type":"Replace","pattern":{"String":" "},"content":"▁"}]}"#
    let metaspace = #"{"type":"Metaspace","replacement":"▁","prepend_scheme":"first","split":true}"#
    let added = ["<s>", "[A]"].enumerated().map { index, content in
      #"{"id":\#(300 + index),"content":"\#(content)","single_word":\#(index == 1),"lstrip":\#(index == 1),"#
        + #""rstrip":false,"normalized":\#(index == 1),"special":\#(index == 0)}"#
    }.joined(separator: ",")
    let files = [
      file(byteTokens, pre: byteLevel + "true}", decoder: byteLevel + "true}"),
      file(byteTokens, pre: sequence, decoder: byteLevel + "true}"),
      file(
        byteTokens, added: added, normalizer: #"{"type":"NFC"}"#, pre: sequence, post: template,
        decoder: byteLevel + "true}"),
      file(fallbackTokens, added: added, normalizer: prepend, pre: "null", post: template, decoder: marks),
      file(fallbackTokens, pre: metaspace, decoder: metaspace),
    ].map { Array($0.utf8) }
    for file in files {
      let line = try TokenizerOracle.refusal(of: file)
      try expect(line == nil, line ?? "")
    }
    return files
  }

  /// - Parameter tokens: 256 bytes' and others', all of them as JSON writes them.
  private static func file(
    _ tokens: [String], added: String = "", normalizer: String = "null", pre: String, post: String = "null",
    decoder: String
  ) -> String {
    let vocabulary = tokens.enumerated().map { "\"\($0.element)\":\($0.offset)" }.joined(separator: ",")
    let isByteLevel = tokens == byteTokens
    return #"{"version":"1.0","truncation":null,"padding":null,"added_tokens":[\#(added)],"normalizer":\#(normalizer),"#
      + #""pre_tokenizer":\#(pre),"post_processor":\#(post),"decoder":\#(decoder),"model":{"type":"BPE","dropout":null,"#
      + #""byte_fallback":\#(!isByteLevel),"ignore_merges":false,"vocab":{\#(vocabulary)},"#
      + #""merges":[["t","h"],["th","e"],["i","n"],"a a"]}}"#
  }

  private static let merged = ["th", "the", "in", "aa"]

  /// The characters that stand for bytes, and what merges make.
  private static let byteTokens: [String] = {
    var next: UInt32 = 0x100
    let characters = (UInt32(0)..<256).map { byte -> String in
      let isPrintable = (0x21...0x7E).contains(byte) || (0xA1...0xAC).contains(byte) || (0xAE...0xFF).contains(byte)
      defer { if !isPrintable { next += 1 } }
      let text = Unicode.Scalar(isPrintable ? byte : next).map { String(Character($0)) } ?? ""
      return text == "\"" || text == "\\" ? "\\" + text : text
    }
    return characters + merged
  }()

  /// The tokens of bytes, letters, and what merges make.
  private static let fallbackTokens: [String] = {
    let bytes = (0..<256).map { byte in
      "<0x" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true) + ">"
    }
    return bytes + ["▁", "a", "t", "h", "e", "i", "n", "é"] + merged
  }()
}
