/// The element type of a tensor.
package enum DType: String, Hashable, Sendable {
  case float32

  /// Bytes that one element takes.
  package var byteCount: Int {
    switch self {
    case .float32: 4
    }
  }
}
