internal import Corpus
internal import JSON
internal import Tokenizers

/// The ids of a part of a document.
struct EncodedPart: Sendable {
  var split: TokenSplit
  /// Empty if the part was skipped.
  var ids: [Int32] = []
  /// Bytes of text.
  var byteCount: Int
  var beginsDocument: Bool
  /// Half surrogate pairs in JSON that became U+FFFD.
  var replacedCount = 0
}

/// Parts that follow each other, encoded.
struct EncodedBatch: Sendable {
  var parts: [EncodedPart] = []
  /// Why there is none behind the last.
  var failure: CorpusError?
}

/// Turns parts into ids, on one thread.
struct PartEncoder {
  private let encoder: any TextEncoder
  private let endOfDocument: Int32?
  private let rule: ValidationRule
  private let field: [UInt8]

  init(_ job: TokenizationJob) {
    encoder = job.tokenizer.makeEncoder(addsSpecial: true)
    endOfDocument = job.endOfDocument
    rule = job.rule
    field = Array(job.field.utf8)
  }

  /// - Parameter isSkipped: whether the ids of a split are not wanted.
  func encode(_ part: CorpusPart, isSkipped: (TokenSplit) -> Bool) throws(CorpusError) -> EncodedPart {
    var text = part.bytes
    var replacedCount = 0
    let place: TextPart
    let split: TokenSplit
    switch part.content {
    case .text(let known, let knownSplit): (place, split) = (known, knownSplit)
    case .line:
      (text, replacedCount) = try part.documentText(field: field)
      (place, split) = (.whole, rule.split(text.span))
    }
    var result = EncodedPart(
      split: split, byteCount: text.count, beginsDocument: place.isFirst, replacedCount: replacedCount)
    guard !isSkipped(split) else { return result }
    encoder.encode(text.span, as: place, into: &result.ids)
    if place.isLast, let endOfDocument, result.ids.last != endOfDocument { result.ids.append(endOfDocument) }
    return result
  }
}

extension CorpusPart {
  /// The text of a JSON line.
  ///
  /// - Returns: the text under the key `field`, and how many halves of surrogate pairs became U+FFFD.
  func documentText(field: [UInt8]) throws(CorpusError) -> (text: [UInt8], replacedCount: Int) {
    var scanner = JSONScanner(bytes, source: place, replacesSurrogates: true)
    var key: [UInt8] = []
    var text: [UInt8]?
    var isFirst = true
    do {
      try scanner.beginObject()
      while try scanner.nextEntry(&key, isFirst: &isFirst) {
        if key == field, text == nil, scanner.peekValue() == UInt8(ascii: "\"") {
          var content: [UInt8] = []
          try scanner.readText(&content)
          text = content
        } else {
          try scanner.skipValue()
        }
      }
      try scanner.finish()
    } catch {
      throw CorpusError(place, found: error.found, allowed: "a JSON object in each line")
    }
    guard let text else {
      let name = String(decoding: field, as: UTF8.self)
      throw CorpusError(place, found: "no text under \"\(name)\"", allowed: "a text, or another --field")
    }
    return (text, scanner.replacedSurrogateCount)
  }
}
