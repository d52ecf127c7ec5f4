internal import CCUDA
internal import HalfPrecision

/// A piece of a device's memory, given back when its last user is gone. The host cannot read it.
package final class DeviceAllocation {
  package let device: CUDADevice
  package let byteCount: Int
  let address: UInt64

  package init(_ device: CUDADevice, byteCount: Int) throws(CUDAError) {
    var address: UInt64 = 0
    // The driver refuses to allocate nothing.
    try check(ccuda_allocate(max(byteCount, 1), &address))
    self.device = device
    self.byteCount = byteCount
    self.address = address
  }

  deinit { device.note(ccuda_free(address)) }
}

/// What an element of a ``DeviceArray`` is.
package enum DeviceType: String, Hashable, Sendable {
  case float32, bfloat16, int32, float64

  package var byteCount: Int {
    switch self {
    case .bfloat16: 2
    case .float32, .int32: 4
    case .float64: 8
    }
  }

  /// What kernels call it.
  var sourceName: String {
    switch self {
    case .float32: "float"
    case .bfloat16: "bf16"
    case .int32: "int"
    case .float64: "double"
    }
  }
}

/// Elements of one type in a device's memory, or some of another array's.
package struct DeviceArray {
  package let type: DeviceType
  package let count: Int
  private let memory: DeviceAllocation
  /// First element, counted from the memory's begin.
  private let offset: Int

  /// New memory, whose content is what happened to be there.
  package init(_ device: CUDADevice, _ type: DeviceType, count: Int) throws(CUDAError) {
    self.init(type, count: count, memory: try DeviceAllocation(device, byteCount: count * type.byteCount), offset: 0)
  }

  /// Some of a piece of memory, from element `offset` on.
  init(_ type: DeviceType, count: Int, memory: DeviceAllocation, offset: Int) {
    self.type = type
    self.count = count
    self.memory = memory
    self.offset = offset
  }

  /// Where the first element is.
  var address: UInt64 { memory.address + UInt64(offset * type.byteCount) }

  package var byteCount: Int { count * type.byteCount }

  /// The largest power of two up to 256 that the address is a multiple of.
  var alignment: Int { min(256, 1 << address.trailingZeroBitCount) }

  /// The elements from one on, in the same memory.
  package func from(_ index: Int) -> DeviceArray {
    precondition((0...count).contains(index), "device array: element \(index) of \(count)")
    return DeviceArray(type, count: count - index, memory: memory, offset: offset + index)
  }

  // MARK: Transfers

  /// Overwrites all elements with `values`, rounded to nearest even where the array is of bfloat16.
  package func upload(_ values: [Float], on stream: CUDAStream) throws(CUDAError) {
    switch type {
    case .float32: try upload(raw: values, on: stream)
    case .bfloat16: try upload(raw: values.map(BFloat16.bits), on: stream)
    case .int32, .float64: preconditionFailure("device array: floats to \(type)")
    }
  }

  package func upload(_ values: [Int32], on stream: CUDAStream) throws(CUDAError) {
    precondition(type == .int32, "device array: integers to \(type)")
    try upload(raw: values, on: stream)
  }

  package func upload(_ values: [Double], on stream: CUDAStream) throws(CUDAError) {
    precondition(type == .float64, "device array: doubles to \(type)")
    try upload(raw: values, on: stream)
  }

  /// A copy of all elements of float64; waits for the stream.
  package func downloadDoubles(on stream: CUDAStream) throws(CUDAError) -> [Double] {
    precondition(type == .float64, "device array: doubles from \(type)")
    return try download(0 as Double, on: stream)
  }

  /// A copy of all elements; waits for the stream.
  package func download(on stream: CUDAStream) throws(CUDAError) -> [Float] {
    switch type {
    case .float32: return try download(0 as Float, on: stream)
    case .bfloat16: return try download(0 as UInt16, on: stream).map { Float(bitPattern: UInt32($0) << 16) }
    case .int32, .float64: preconditionFailure("device array: floats from \(type)")
    }
  }

  /// Sets every byte.
  package func fill(byte: UInt8, on stream: CUDAStream) throws(CUDAError) {
    try check(ccuda_set_bytes(address, byte, byteCount, stream.handle))
  }

  /// Copies all elements to an equally long array.
  package func copy(to other: DeviceArray, on stream: CUDAStream) throws(CUDAError) {
    precondition(other.byteCount == byteCount, "device array: \(byteCount) bytes to \(other.byteCount)")
    try check(ccuda_copy(other.address, address, byteCount, stream.handle))
  }

  private func upload<Element: BitwiseCopyable>(raw values: [Element], on stream: CUDAStream) throws(CUDAError) {
    precondition(values.count == count, "device array: \(values.count) values to \(count)")
    let code = values.withUnsafeBytes { ccuda_upload(address, $0.baseAddress, byteCount, stream.handle) }
    try check(code)
    // The array of values may be gone before an unpinned copy is over.
    try stream.synchronize()
  }

  private func download<Element: BitwiseCopyable>(
    _ zero: Element, on stream: CUDAStream
  ) throws(CUDAError) -> [Element] {
    var values = [Element](repeating: zero, count: count)
    let code = values.withUnsafeMutableBytes { ccuda_download($0.baseAddress, address, byteCount, stream.handle) }
    try check(code)
    try stream.synchronize()
    return values
  }
}
