internal import TensorCore

/// Memory whose new pieces are filled with not-a-number.
final class ReferenceMemory: DeviceMemory {
  let isSynchronous = true
  let freeBytes: Int? = nil

  func allocate(byteCount: Int) -> any MemorySegment { ReferenceSegment(byteCount: byteCount) }

  func free(_ segment: any MemorySegment) {
    unsafeDowncast(segment, to: ReferenceSegment.self).bytes.deallocate()
  }

  func upload(_ bytes: UnsafeRawBufferPointer, to target: MemoryRange) {
    target.bytes.copyMemory(from: bytes)
  }

  func download(_ source: MemoryRange, to bytes: UnsafeMutableRawBufferPointer) {
    bytes.copyMemory(from: UnsafeRawBufferPointer(source.bytes))
  }

  func recordEvent() -> any MemoryEvent { PastEvent() }

  func copy(_ source: MemoryRange, to target: MemoryRange) {
    target.bytes.copyMemory(from: UnsafeRawBufferPointer(source.bytes))
  }
}

private final class ReferenceSegment: MemorySegment {
  let bytes: UnsafeMutableRawBufferPointer
  var byteCount: Int { bytes.count }

  init(byteCount: Int) {
    bytes = .allocate(byteCount: byteCount, alignment: 64)
    bytes.bindMemory(to: UInt32.self).update(repeating: 0x7fc0_0000)
  }
}

extension MemoryRange {
  fileprivate var bytes: UnsafeMutableRawBufferPointer {
    let segment = unsafeDowncast(storage.segment, to: ReferenceSegment.self)
    let first = storage.segmentOffset + start
    return UnsafeMutableRawBufferPointer(rebasing: segment.bytes[first..<first + byteCount])
  }
}

extension Tensor {
  /// Its bytes, as this module's kernels find them.
  var bytes: UnsafeMutableRawBufferPointer { range.bytes }

  /// Its elements, if it is a list of indices.
  var indexElements: [Int] {
    precondition(dtype == .int32, "tensor: \(shape) of \(dtype) read as indices")
    return bytes.bindMemory(to: Int32.self).map(Int.init)
  }

  /// Its elements, if it is of sums.
  var doubleElements: UnsafeMutableBufferPointer<Double> {
    precondition(dtype == .float64, "tensor: \(shape) of \(dtype) read as float64")
    return bytes.assumingMemoryBound(to: Double.self)
  }

  /// Its elements, as this module's kernels find them.
  var elements: UnsafeMutableBufferPointer<Float> {
    precondition(dtype == .float32, "tensor: \(shape) of \(dtype) read as float32")
    return range.bytes.assumingMemoryBound(to: Float.self)
  }
}

extension Matrix {
  /// Its storage from the first element on.
  var elements: UnsafeMutableBufferPointer<Float> {
    precondition(dtype == .float32, "matrix: \(rowCount) × \(columnCount) of \(dtype) read as float32")
    let start = offset * dtype.byteCount
    return MemoryRange(storage, start: start, byteCount: storage.byteCount - start).bytes
      .assumingMemoryBound(to: Float.self)
  }
}
