/// The element type of a tensor.
package enum DType: String, Hashable, Sendable {
  case float32
  /// The upper half of a single: 8 bits of significand. What only products and the kernels beside them read may be
  /// stored so; see ``TapeTypes``.
  case bfloat16
  /// Numbers of rows, tokens and targets.
  case int32
  /// Sums over a step and what follows from them: a few numbers, never the elements that they are made of.
  case float64

  /// Bytes that one element takes.
  package var byteCount: Int {
    switch self {
    case .float32, .int32: 4
    case .bfloat16: 2
    case .float64: 8
    }
  }
}
