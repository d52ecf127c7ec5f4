internal import CCUDA
internal import Synchronization

/// A GPU whose context this process has open.
///
/// One thread steers it: the one that made it. Others call ``makeCurrent()`` before they ask for transfers of their own.
package final class CUDADevice {
  package let ordinal: Int
  /// `NVIDIA H200`.
  package let name: String
  /// Compute capability, such as 9.0.
  package let capability: (major: Int, minor: Int)
  package let multiprocessorCount: Int
  /// Bytes of shared memory that a block of threads can have.
  package let sharedBytesPerBlock: Int

  private let context: OpaquePointer
  /// What could not be thrown where it happened: giving something back that its owner no longer holds.
  private let failure = Mutex<CUDAError?>(nil)

  /// - Parameter ordinal: counted among the devices that the process may see.
  package init(ordinal: Int = 0) throws(CUDAError) {
    let count = try Self.count()
    guard ordinal < count else { throw .unavailable("found \(count) devices, wanted number \(ordinal)") }
    var context: OpaquePointer?
    try check(ccuda_context_open(Int32(ordinal), &context))
    guard let context else { throw .unavailable("device \(ordinal) gave no context") }
    self.context = context
    self.ordinal = ordinal
    self.name = try Self.name(of: ordinal)
    self.capability = (
      major: try Self.attribute(ccuda_capability_major, of: ordinal),
      minor: try Self.attribute(ccuda_capability_minor, of: ordinal)
    )
    self.multiprocessorCount = try Self.attribute(ccuda_multiprocessors, of: ordinal)
    self.sharedBytesPerBlock = try Self.attribute(ccuda_shared_bytes_per_block, of: ordinal)
  }

  deinit { _ = ccuda_context_close(Int32(ordinal), context) }

  /// What the compiler calls the device; Hopper's own instructions are in a variant of its architecture.
  package var architecture: String {
    "sm_\(capability.major)\(capability.minor)\(capability.major == 9 ? "a" : "")"
  }

  /// Makes the device the calling thread's.
  func makeCurrent() throws(CUDAError) {
    try check(ccuda_context_use(context))
  }

  /// Bytes that are free, and all that there are.
  package func memory() throws(CUDAError) -> (freeBytes: Int, totalBytes: Int) {
    var (free, total) = (0, 0)
    try check(ccuda_memory_info(&free, &total))
    return (free, total)
  }

  /// Keeps the first failure of giving something back.
  func note(_ code: Int32) {
    do {
      try check(code)
    } catch {
      failure.withLock { $0 = $0 ?? error }
    }
  }

  /// Throws what ``note(_:)`` kept.
  func throwNoted() throws(CUDAError) {
    let kept = failure.withLock { failure in
      defer { failure = nil }
      return failure
    }
    if let kept { throw kept }
  }

  /// Devices that the process may see.
  package static func count() throws(CUDAError) -> Int {
    try CUDALibraries.open()

    var count: Int32 = 0
    try check(ccuda_device_count(&count))
    return Int(count)
  }

  private static func name(of ordinal: Int) throws(CUDAError) -> String {
    var name = [CChar](repeating: 0, count: 256)
    try check(ccuda_device_name(Int32(ordinal), &name, Int32(name.count)))
    return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  private static func attribute(_ attribute: ccuda_attribute, of ordinal: Int) throws(CUDAError) -> Int {
    var value: Int32 = 0
    try check(ccuda_device_attribute(Int32(ordinal), attribute, &value))
    return Int(value)
  }
}
