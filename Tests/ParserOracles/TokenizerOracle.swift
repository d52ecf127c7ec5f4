internal import FaultSupport
internal import Foundation
internal import JSON
internal import Tokenizers

/// A second opinion on `tokenizer.json`.
package enum TokenizerOracle {
  private static let source = "tokenizer.json"

  /// The line that refuses a file; nil if it is a tokenizer.
  package static func refusal(of bytes: [UInt8]) throws -> String? {
    do {
      _ = try TokenizerFile.read(bytes, source: source)
      return nil
    } catch {
      let line = error.description
      try expect(!line.contains("\n") && line.hasPrefix(source), "no line that names the file: \(line)")
      return line
    }
  }

  /// Reads a file: it is refused in one line, or has the ids that another JSON parser finds, and any bytes survive it.
  package static func check(_ bytes: [UInt8]) throws {
    guard try refusal(of: bytes) == nil else { return }
    let tokenizer = try TokenizerFile.read(bytes, source: source)
    guard let root = try? JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any] else {
      throw Unexpected("read, but not by Foundation: \(String(decoding: bytes, as: UTF8.self))")
    }
    let vocabulary = (root["model"] as? [String: Any])?["vocab"] as? [String: Int] ?? [:]
    let added = root["added_tokens"] as? [[String: Any]] ?? []
    let ids = Array(vocabulary.values) + added.compactMap { $0["id"] as? Int }
    try expect(
      ids.count >= 256 && ids.allSatisfy { (0..<tokenizer.vocabularySize).contains($0) },
      "\(ids.count) ids up to \(ids.max() ?? -1), read as \(tokenizer.vocabularySize)")
    let isByteLevel = tokenizer.kind == "byte-level BPE"
    let changesText = !isByteLevel || !tokenizer.normalizerNames.isEmpty || !added.isEmpty
    for text in texts {
      // What a run of bytes is in the other families is known at its end only.
      if isByteLevel || String(validating: text, as: UTF8.self) != nil {
        try survive(text, tokenizer, exactly: !changesText)
      } else {
        _ = tokenizer.decode(tokenizer.encode(text))
      }
    }
  }

  /// Encodes bytes and decodes their ids, at once and one after the other.
  private static func survive(_ text: [UInt8], _ tokenizer: BPETokenizer, exactly: Bool) throws {
    let ids = tokenizer.encode(text, addsSpecial: false)
    try expect(ids.allSatisfy { (0..<Int32(tokenizer.vocabularySize)).contains($0) }, "ids \(ids)")
    let whole = tokenizer.decode(ids)
    let decoder = tokenizer.makeDecoder(skipsSpecial: false)
    let parts = ids.map(decoder.append).joined() + decoder.finish()
    try expect(whole.utf8.elementsEqual(parts.utf8), "decoded at once: \(whole.debugDescription)")
    let expected = String(decoding: text, as: UTF8.self)
    try expect(!exactly || whole.utf8.elementsEqual(expected.utf8), "decoded to \(whole.debugDescription)")
  }

  private static let texts: [[UInt8]] = [
    Array(0...255), Array("the thin  hen's\n\n12345 naïve 日本 e\u{301}🙂 <|endoftext|> ▁▁a".utf8),
    [UInt8](repeating: UInt8(ascii: "a"), count: 70), [0xE2, 0x96, 0x20, 0xFF, 0xF0, 0x9F],
  ]
}
