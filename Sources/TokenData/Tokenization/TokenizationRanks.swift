internal import Corpus

/// Processes that share the work of a ``TokenizationJob``, each with the same files.
package protocol TokenizationRanks {
  /// This process's number in `0 ..< size`; the first writes.
  var rank: Int { get }
  var size: Int { get }
  /// Every rank's text, on all ranks, in rank order.
  func allGather(_ text: String) throws -> [String]
  /// Sends words to another rank; two ranks' messages keep their order.
  func send(_ words: [Int32], to rank: Int) throws
  /// Waits for words that another rank sends.
  func receive(from rank: Int) throws -> [Int32]
}

/// A batch as words: the number of parts and each of them, then what failed, in UTF-8.
enum EncodedMessage {
  static func words(_ batch: EncodedBatch) -> [Int32] {
    var words = [Int32(batch.parts.count)]
    words.reserveCapacity(batch.parts.reduce(1) { $0 + headCount + $1.ids.count })
    for part in batch.parts { append(part, to: &words) }
    if let failure = batch.failure {
      let text = [failure.place, failure.found, failure.allowed].joined(separator: "\0")
      words += text.utf8.map { Int32($0) }
    }
    return words
  }

  static func batch(of words: [Int32]) -> EncodedBatch {
    var rest = words.dropFirst()
    let parts = (0..<(words.first ?? 0)).map { _ in takePart(from: &rest) }
    guard !rest.isEmpty else { return EncodedBatch(parts: parts) }
    let text = String(decoding: rest.map { UInt8(truncatingIfNeeded: $0) }, as: UTF8.self)
    let texts = text.split(separator: "\0", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
    let failure = CorpusError(texts[0], found: texts.dropFirst().first ?? "", allowed: texts.dropFirst(2).first ?? "")
    return EncodedBatch(parts: parts, failure: failure)
  }

  /// Words before the ids of a part.
  private static let headCount = 6

  private static func append(_ part: EncodedPart, to words: inout [Int32]) {
    words += [
      part.split == .training ? 0 : 1, part.beginsDocument ? 1 : 0, Int32(clamping: part.replacedCount),
      Int32(truncatingIfNeeded: part.byteCount), Int32(truncatingIfNeeded: part.byteCount >> 32), Int32(part.ids.count),
    ]
    words += part.ids
  }

  private static func takePart(from words: inout ArraySlice<Int32>) -> EncodedPart {
    let head = Array(words.prefix(headCount))
    words = words.dropFirst(headCount)
    let ids = Array(words.prefix(Int(head[5])))
    words = words.dropFirst(ids.count)
    return EncodedPart(
      split: head[0] == 0 ? .training : .validation, ids: ids,
      byteCount: Int(UInt32(bitPattern: head[3])) | Int(head[4]) << 32, beginsDocument: head[1] == 1,
      replacedCount: Int(head[2]))
  }
}
