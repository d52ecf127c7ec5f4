package import Tokenizers

/// The text of a continuation as its tokens come, up to the first of some texts that end it.
package struct ContinuationText {
  private let decoder: any TextDecoder
  private let stops: [[UInt8]]
  /// Text that may yet turn out to be the beginning of one that ends it.
  private var held: [UInt8] = []
  /// Whether a text that ends it has come; it does not belong to the continuation.
  package private(set) var isStopped = false

  /// - Parameters:
  ///   - prompt: what the tokens follow, for texts of tokens hang on those before.
  ///   - stops: none empty.
  package init(after prompt: [Int32], tokenizer: any Tokenizer, stops: [String]) {
    decoder = tokenizer.makeDecoder(skipsSpecial: false)
    for id in prompt { _ = decoder.append(id) }
    self.stops = stops.map { Array($0.utf8) }
  }

  /// The text that is certain now.
  package mutating func append(_ id: Int32) -> String { take(decoder.append(id), isEnd: false) }

  /// What is left at the end.
  package mutating func finish() -> String { take(decoder.finish(), isEnd: true) }

  private mutating func take(_ text: String, isEnd: Bool) -> String {
    guard !isStopped else { return "" }
    held += text.utf8
    if let end = stopPlace() {
      isStopped = true
      defer { held = [] }
      return String(decoding: held[..<end], as: UTF8.self)
    }
    let count = isEnd ? held.count : held.count - heldCount()
    defer { held.removeFirst(count) }
    return String(decoding: held[..<count], as: UTF8.self)
  }

  /// Where the first text that ends it begins.
  private func stopPlace() -> Int? {
    held.indices.first { start in stops.contains { held[start...].starts(with: $0) } }
  }

  /// Bytes at the end with which a text that ends it may begin.
  private func heldCount() -> Int {
    let longest = stops.reduce(0) { max($0, $1.count - 1) }
    let counts = (0...min(longest, held.count)).reversed()
    return counts.first { count in stops.contains { $0.starts(with: held.suffix(count)) } } ?? 0
  }
}
