/// A tensor to be written: its name, and memory of the caller's.
///
/// The memory is read, never kept: it must stay valid and unchanged until the writing call returns.
package struct NamedTensor {
  package let name: String
  /// Type of the elements in memory.
  package let type: ElementType
  /// Row-major; no dimensions for a single number.
  package let shape: [Int]
  package let bytes: UnsafeRawBufferPointer
  /// Type of the elements in the file. ``ElementType/float32`` memory may be stored as either half type, rounded to
  /// nearest even.
  package let storedType: ElementType

  package init(
    name: String, type: ElementType, shape: [Int], bytes: UnsafeRawBufferPointer,
    storedAs storedType: ElementType? = nil
  ) {
    let stored = storedType ?? type
    let elementCount = shape.reduce(1, *)
    precondition(
      shape.allSatisfy { $0 >= 0 } && elementCount * type.byteCount == bytes.count,
      "tensor \(name): \(bytes.count) bytes for \(type.rawValue) \(shape)")
    precondition(
      stored == type || (type == .float32 && (stored == .bfloat16 || stored == .float16)),
      "tensor \(name): \(type.rawValue) stored as \(stored.rawValue)")
    self.name = name
    self.type = type
    self.shape = shape
    unsafe self.bytes = bytes
    self.storedType = stored
  }

  /// Bytes that the elements take in the file.
  package var storedByteCount: Int { unsafe bytes.count / type.byteCount * storedType.byteCount }
}
