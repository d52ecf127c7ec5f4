internal import CCUDA

/// How many blocks of how many threads run a kernel.
struct LaunchShape: Hashable {
  var x: Int
  var y = 1
  var z = 1
  var threadCount: Int
  var sharedBytes = 0

  init(x: Int, y: Int = 1, z: Int = 1, threadCount: Int, sharedBytes: Int = 0) {
    (self.x, self.y, self.z) = (x, y, z)
    self.threadCount = threadCount
    self.sharedBytes = sharedBytes
  }

  /// As many blocks as give each of some items a thread.
  init(items: Int, threadCount: Int = 256) {
    self.init(x: (items + threadCount - 1) / threadCount, threadCount: threadCount)
  }
}

/// Kernels of a device, each compiled and loaded when it is first wanted.
package final class KernelLibrary {
  package let device: CUDADevice
  private let cache: KernelCache
  private var modules: [KernelSource: KernelModule] = [:]
  private var kernels: [Key: Kernel] = [:]

  private struct Key: Hashable {
    let source: KernelSource
    let name: String
  }

  package init(_ device: CUDADevice, cache: KernelCache) {
    self.device = device
    self.cache = cache
  }

  /// - Parameter sharedBytes: the most shared memory that a block of its launches has.
  func kernel(_ name: String, of source: KernelSource, sharedBytes: Int = 0) throws(CUDAError) -> Kernel {
    let key = Key(source: source, name: name)
    if let kernel = kernels[key] { return kernel }
    let kernel = try module(source).kernel(name)
    try kernel.allow(sharedBytes: sharedBytes)
    kernels[key] = kernel
    return kernel
  }

  private func module(_ source: KernelSource) throws(CUDAError) -> KernelModule {
    if let module = modules[source] { return module }
    let module = try KernelModule(source, device: device, cache: cache)
    modules[source] = module
    return module
  }
}

/// Kernels that a device has loaded.
private final class KernelModule {
  private let device: CUDADevice
  private let handle: OpaquePointer

  fileprivate init(_ source: KernelSource, device: CUDADevice, cache: KernelCache) throws(CUDAError) {
    let binary = try cache.kernels(source, architecture: device.architecture)
    var handle: OpaquePointer?
    let code = binary.withUnsafeBytes { ccuda_module_load($0.baseAddress, &handle) }
    try check(code)
    guard let handle else { throw .unavailable("\(source.file) gave no module") }
    self.device = device
    self.handle = handle
  }

  deinit { device.note(ccuda_module_unload(handle)) }

  fileprivate func kernel(_ name: String) throws(CUDAError) -> Kernel {
    var function: OpaquePointer?
    try check(ccuda_module_function(handle, name, &function))
    guard let function else { throw .unavailable("no kernel \(name)") }
    return Kernel(name: name, function: function, module: self)
  }
}

/// One kernel of a module, which it keeps loaded.
struct Kernel {
  /// What a block may have without asking.
  private static let plainSharedBytes = 48 << 10

  let name: String
  private let function: OpaquePointer
  /// A ``KernelModule``.
  private let module: AnyObject

  fileprivate init(name: String, function: OpaquePointer, module: KernelModule) {
    self.name = name
    self.function = function
    self.module = module
  }

  /// Allows blocks that have this much shared memory.
  fileprivate func allow(sharedBytes: Int) throws(CUDAError) {
    guard sharedBytes > Self.plainSharedBytes else { return }
    try check(ccuda_function_set(function, ccuda_max_shared_bytes, Int32(sharedBytes)))
  }

  /// What a launch of this shape takes of a multiprocessor.
  func usage(_ shape: LaunchShape) throws(CUDAError) -> KernelUsage {
    var (registers, local, blocks): (Int32, Int32, Int32) = (0, 0, 0)
    try check(ccuda_function_get(function, ccuda_registers, &registers))
    try check(ccuda_function_get(function, ccuda_local_bytes, &local))
    try check(ccuda_occupancy(function, Int32(shape.threadCount), shape.sharedBytes, &blocks))
    return KernelUsage(
      registerCount: Int(registers), localBytes: Int(local), sharedBytes: shape.sharedBytes,
      warpCount: Int(blocks) * ((shape.threadCount + 31) / 32))
  }

  /// Gives the kernel to the stream, with its parameters in their order; sizes of 0 give nothing.
  ///
  /// - Parameter argument: values of the parameters' own sizes: addresses are `UInt64`, `int` is `Int32`, `long` `Int`.
  func launch<each Argument: BitwiseCopyable>(
    _ shape: LaunchShape, on stream: CUDAStream, _ argument: repeat each Argument
  ) throws(CUDAError) {
    guard shape.x > 0, shape.y > 0, shape.z > 0 else { return }
    var arguments = KernelArguments()
    repeat arguments.append(each argument)
    let grid = ccuda_grid(x: UInt32(shape.x), y: UInt32(shape.y), z: UInt32(shape.z))
    try stream.timed(name) { () throws(CUDAError) in
      let code = arguments.bytes.withUnsafeBytes {
        ccuda_launch(
          function, grid, UInt32(shape.threadCount), UInt32(shape.sharedBytes), stream.handle, $0.baseAddress,
          $0.count)
      }
      try check(code)
    }
  }
}

/// A kernel's parameters as it finds them: one after the other, each at a multiple of its alignment.
struct KernelArguments {
  private(set) var bytes: [UInt8] = []

  mutating func append<Value: BitwiseCopyable>(_ value: Value) {
    let alignment = MemoryLayout<Value>.alignment
    bytes += [UInt8](repeating: 0, count: (alignment - bytes.count % alignment) % alignment)
    withUnsafeBytes(of: value) { bytes += $0 }
  }
}

/// What a kernel takes of a multiprocessor.
package struct KernelUsage: Hashable, Sendable {
  /// Of a thread.
  package let registerCount: Int
  /// Of a thread, in memory: what did not fit into registers.
  package let localBytes: Int
  /// Of a block.
  package let sharedBytes: Int
  /// Warps that a multiprocessor holds at once.
  package let warpCount: Int
}
