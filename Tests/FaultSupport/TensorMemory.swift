package import Checkpoints

/// Memory of a test's tensors, for as long as this object lives.
package final class TensorMemory {
  private var blocks: [UnsafeMutableRawBufferPointer] = []

  package init() {}

  deinit {
    for block in blocks { block.deallocate() }
  }

  package func tensor(
    _ name: String, _ type: ElementType, _ shape: [Int], bytes: [UInt8], storedAs storedType: ElementType? = nil
  ) -> NamedTensor {
    let block = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 16)
    block.copyBytes(from: bytes)
    blocks.append(block)
    return NamedTensor(
      name: name, type: type, shape: shape, bytes: UnsafeRawBufferPointer(block), storedAs: storedType)
  }

  package func floats(
    _ name: String, _ shape: [Int], _ values: [Float], storedAs storedType: ElementType? = nil
  ) -> NamedTensor {
    tensor(name, .float32, shape, bytes: values.withUnsafeBytes { [UInt8]($0) }, storedAs: storedType)
  }

  /// A tensor of random bytes; booleans are 0 and 1.
  package func random(
    _ name: String, _ type: ElementType, _ shape: [Int], using random: inout TestRandom
  ) -> NamedTensor {
    let count = shape.reduce(1, *) * type.byteCount
    let bytes = (0..<count).map { _ in UInt8.random(in: type == .bool ? 0...1 : 0...255, using: &random) }
    return tensor(name, type, shape, bytes: bytes)
  }
}

extension NamedTensor {
  /// The elements of a tensor in memory; none of one that comes piece by piece.
  package var bytes: UnsafeRawBufferPointer {
    if case .memory(let bytes) = source { bytes } else { UnsafeRawBufferPointer(start: nil, count: 0) }
  }
}
