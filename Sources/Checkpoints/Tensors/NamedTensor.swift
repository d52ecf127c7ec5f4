/// A tensor to be written: its name, its form, and where its elements come from.
package struct NamedTensor {
  /// Where the elements come from.
  @safe package enum Source {
    /// Memory of the caller's. It is read, never kept: it must stay valid and unchanged until the writing call returns.
    case memory(UnsafeRawBufferPointer)
    /// Fills `target` with the bytes from `offset` on. Called in order on the thread that writes, for pieces of at most
    /// ``NamedTensor/pieceBytes``, so that elements of another machine need no memory for all of them here.
    case pieces((_ target: UnsafeMutableRawBufferPointer, _ offset: Int) throws -> Void)
  }

  /// The longest piece that a source is asked for.
  package static let pieceBytes = 1 << 20

  package let name: String
  /// Type of the elements at the source.
  package let type: ElementType
  /// Row-major; no dimensions for a single number.
  package let shape: [Int]
  package let source: Source
  /// Type of the elements in the file. ``ElementType/float32`` elements may be stored as either half type, rounded to
  /// nearest even.
  package let storedType: ElementType

  package init(
    name: String, type: ElementType, shape: [Int], source: Source, storedAs storedType: ElementType? = nil
  ) {
    let stored = storedType ?? type
    precondition(shape.allSatisfy { $0 >= 0 }, "tensor \(name): \(shape)")
    precondition(
      stored == type || (type == .float32 && (stored == .bfloat16 || stored == .float16)),
      "tensor \(name): \(type.rawValue) stored as \(stored.rawValue)")
    self.name = name
    self.type = type
    self.shape = shape
    self.source = source
    self.storedType = stored
  }

  package init(
    name: String, type: ElementType, shape: [Int], bytes: UnsafeRawBufferPointer,
    storedAs storedType: ElementType? = nil
  ) {
    precondition(
      shape.reduce(1, *) * type.byteCount == bytes.count,
      "tensor \(name): \(bytes.count) bytes for \(type.rawValue) \(shape)")
    unsafe self.init(name: name, type: type, shape: shape, source: .memory(bytes), storedAs: storedType)
  }

  package var elementCount: Int { shape.reduce(1, *) }

  /// Bytes of the elements at the source.
  package var byteCount: Int { elementCount * type.byteCount }

  /// Bytes that the elements take in the file.
  package var storedByteCount: Int { elementCount * storedType.byteCount }
}
