package import TensorCore

/// Sequences that grow token by token, and what a model keeps of their tokens so far.
package protocol Decoding: AnyObject {
  /// Bytes of keys and values kept, of all sequences.
  var cacheBytes: Int { get }

  /// Takes the next tokens of every sequence; any number of them, all at once.
  ///
  /// - Parameter ids: `[B, n]`, row-major.
  /// - Returns: the hidden states after the last norm that predict what follows, `[B, D]`.
  func advance(_ ids: [Int32]) -> Tensor
}
