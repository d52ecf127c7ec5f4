/// What generation gave, and what it took.
package struct Continuations: Sendable {
  /// New ids of each prompt.
  package internal(set) var tokens: [[Int32]]
  /// Bytes of keys and values kept, of all sequences.
  package let cacheBytes: Int
  /// Time to the first new token.
  package internal(set) var promptTime = Duration.zero
  /// Time for all further ones.
  package internal(set) var tokenTime = Duration.zero

  init(sequenceCount: Int, cacheBytes: Int) {
    tokens = Array(repeating: [], count: sequenceCount)
    self.cacheBytes = cacheBytes
  }

  /// New tokens of all sequences a second, from the second new token of each on; nil if there is none.
  package var tokensPerSecond: Double? {
    guard let count = tokens.first?.count, count > 1 else { return nil }
    return Double(tokens.count * (count - 1)) / (tokenTime / .seconds(1))
  }
}
