internal import CMPI
internal import Foundation

/// Processes that an MPI launcher started together.
///
/// It takes MPI's errors instead of letting MPI abort, so that a message comes first. Single-precision sums of ranks that
/// are all on one machine go through memory that they share; how others travel is left to MPI: see `docs/scaling.md`.
@safe package final class MPIGroup: HostGroup {
  package let rank: Int
  package let size: Int
  package let hostName: String
  /// Which threads may make calls, as MPI provides it.
  package let threadLevel: ThreadLevel

  let handle: OpaquePointer
  let wireBuffers = WireBuffers()
  private let isWorld: Bool

  /// Starts MPI, once in a process, for all its ranks. Asks for calls from any thread; from the starting one is enough.
  ///
  /// - Throws: ``ParallelError`` if MPI was started before, does not start or allows no second thread.
  package convenience init() throws(ParallelError) {
    guard cmpi_was_started() == 0 else { throw .startedBefore }
    var level: Int32 = 0
    try unsafe Self.check(cmpi_start(ThreadLevel.multiple.rawValue, &level), rank: nil)
    let provided = ThreadLevel(rawValue: level) ?? .single
    guard provided >= .funneled else { throw .threadLevel(provided: provided, needed: .funneled) }
    try unsafe self.init(threadLevel: provided, isWorld: true, rank: nil, making: cmpi_world)
  }

  /// - Parameter rank: the caller's rank for an error's text, where it is known.
  private init(
    threadLevel: ThreadLevel, isWorld: Bool, rank: Int?,
    making make: (UnsafeMutablePointer<OpaquePointer?>) -> Int32
  ) throws(ParallelError) {
    var group: OpaquePointer?
    try unsafe Self.check(make(&group), rank: rank)
    guard let group = unsafe group else { preconditionFailure("a group without a handle") }
    unsafe handle = unsafe group
    self.threadLevel = threadLevel
    self.isWorld = isWorld
    var number: Int32 = 0
    try unsafe Self.check(cmpi_rank(group, &number), rank: rank)
    self.rank = Int(number)
    try unsafe Self.check(cmpi_size(group, &number), rank: rank)
    size = Int(number)
    var name = [CChar](repeating: 0, count: Int(cmpi_name_capacity()))
    try unsafe Self.check(cmpi_processor_name(&name), rank: rank)
    hostName = text(name)
  }

  package var servesThreads: Bool { threadLevel == .multiple }

  package func duplicate() throws(ParallelError) -> any HostGroup {
    guard servesThreads else { throw .threadLevel(provided: threadLevel, needed: .multiple) }
    return try unsafe MPIGroup(threadLevel: threadLevel, isWorld: false, rank: rank) {
      unsafe cmpi_duplicate(handle, $0)
    }
  }

  /// The largest number of elements, or bytes of a broadcast, that one MPI call carries; longer ones are split.
  /// Equal on all ranks.
  package var elementsPerCall: Int {
    get { unsafe Int(cmpi_elements_per_call(handle)) }
    set {
      precondition(newValue > 0 && newValue <= Int(Int32.max), "elements per call: \(newValue)")
      unsafe cmpi_set_elements_per_call(handle, Int32(newValue))
    }
  }

  package func allowSharedMemory(_ isAllowed: Bool) {
    unsafe cmpi_set_uses_memory(handle, isAllowed ? 1 : 0)
  }

  package func openSharedMemory() throws(ParallelError) -> SumRoute {
    var (isShared, problem): (Int32, Int32) = (0, 0)
    try unsafe check(cmpi_open_memory(handle, &isShared, &problem))
    if isShared != 0 { return .sharedMemory }
    guard problem != 0 else { return .messages(obstacle: nil) }
    let megabytes = (cmpi_memory_bytes(Int32(clamping: size)) + 999_999) / 1_000_000
    return .messages(
      obstacle: unsafe "/dev/shm: \(String(cString: strerror(problem))); \(size) ranks need \(megabytes) MB free there")
  }

  package func abort(code: Int32) {
    // Does not return where MPI can end the processes, and its result helps nobody where it cannot.
    _ = cmpi_abort(code)
  }

  /// Ends this group's communicator, and MPI with that of the world. No call may follow.
  package func finish() throws(ParallelError) {
    try unsafe check(isWorld ? cmpi_finish() : cmpi_free(handle))
  }

  func check(_ code: Int32) throws(ParallelError) {
    try Self.check(code, rank: rank)
  }

  /// Turns an MPI code other than success into an error that names the call and carries MPI's text.
  static func check(_ code: Int32, rank: Int?) throws(ParallelError) {
    guard code != 0 else { return }
    let name = unsafe String(cString: cmpi_failed_call())
    var characters = [CChar](repeating: 0, count: Int(cmpi_text_capacity()))
    let known = unsafe cmpi_error_text(code, &characters) == 0
    throw .call(name: name, rank: rank, text: known ? text(characters) : "error code \(code)")
  }
}

extension MPIGroup {
  package func send(_ bytes: UnsafeRawBufferPointer, to rank: Int) throws(ParallelError) {
    // MPI gives some numbers that are no rank a meaning.
    try checkPeer(rank, "send")
    try unsafe check(cmpi_send(handle, bytes.baseAddress, Int64(bytes.count), Int32(rank)))
  }

  package func receive(_ bytes: UnsafeMutableRawBufferPointer, from rank: Int) throws(ParallelError) {
    try checkPeer(rank, "receive")
    var count: Int64 = 0
    try unsafe check(cmpi_receive(handle, bytes.baseAddress, Int64(bytes.count), Int32(rank), &count))
    guard count == bytes.count else { throw .message(from: rank, found: Int(count), expected: bytes.count) }
  }
}

/// Which threads of a rank may call MPI.
package enum ThreadLevel: Int32, Comparable, Sendable {
  /// The process has one thread.
  case single
  /// Only the thread that started MPI.
  case funneled
  /// Any, one at a time.
  case serialized
  /// Any, at any time.
  case multiple

  package static func < (a: ThreadLevel, b: ThreadLevel) -> Bool { a.rawValue < b.rawValue }
}
