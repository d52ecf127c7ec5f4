/// Name, type, shape and place of one tensor of a safetensors file.
package struct TensorInfo: Hashable, Sendable {
  package let name: String
  package let type: ElementType
  /// Row-major; no dimensions for a single number.
  package let shape: [Int]
  /// Bytes of the file that hold the elements.
  package let byteRange: Range<Int>

  package var elementCount: Int { byteRange.count / type.byteCount }
}
