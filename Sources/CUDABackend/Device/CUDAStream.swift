internal import CCUDA

/// Work that a device does in the order in which it was given.
package final class CUDAStream {
  package let device: CUDADevice
  let handle: OpaquePointer
  /// What times its kernels now; nil most of the time.
  var profile: LaunchProfile?

  package init(_ device: CUDADevice) throws(CUDAError) {
    var handle: OpaquePointer?
    try check(ccuda_stream_create(&handle))
    guard let handle else { throw .unavailable("the driver gave no stream") }
    self.device = device
    self.handle = handle
  }

  deinit { device.note(ccuda_stream_destroy(handle)) }

  /// Gives it what `body` gives, and times that if somebody wants to know.
  func timed(_ name: @autoclosure () -> String, _ body: () throws(CUDAError) -> Void) throws(CUDAError) {
    guard let profile else { return try body() }
    try profile.time(name(), body)
  }

  /// Waits until all that was given so far is done; throws what went wrong in it.
  package func synchronize() throws(CUDAError) {
    try check(ccuda_stream_wait(handle))
    try device.throwNoted()
  }
}

/// A moment of a stream.
package final class CUDAEvent {
  private let device: CUDADevice
  private let handle: OpaquePointer

  package init(_ device: CUDADevice) throws(CUDAError) {
    var handle: OpaquePointer?
    try check(ccuda_event_create(&handle))
    guard let handle else { throw .unavailable("the driver gave no event") }
    self.device = device
    self.handle = handle
  }

  deinit { device.note(ccuda_event_destroy(handle)) }

  /// The moment when the stream has done what it was given so far.
  package func record(on stream: CUDAStream) throws(CUDAError) {
    try check(ccuda_event_record(handle, stream.handle))
  }

  /// Whether the moment is past; does not wait for it.
  func isPast() throws(CUDAError) -> Bool {
    var isPast: Int32 = 0
    try check(ccuda_event_query(handle, &isPast))
    return isPast != 0
  }

  /// Waits for the moment.
  package func synchronize() throws(CUDAError) {
    try check(ccuda_event_wait(handle))
  }

  /// Seconds from another moment to this one, both past.
  package func seconds(since start: CUDAEvent) throws(CUDAError) -> Double {
    var milliseconds: Float = 0
    try check(ccuda_event_milliseconds(start.handle, handle, &milliseconds))
    return Double(milliseconds) / 1000
  }
}
