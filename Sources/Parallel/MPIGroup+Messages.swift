internal import CMPI

extension MPIGroup {
  package func send(_ bytes: UnsafeRawBufferPointer, to rank: Int) throws(ParallelError) {
    // MPI gives some numbers that are no rank a meaning.
    try checkPeer(rank, "send")
    try check(cmpi_send(handle, bytes.baseAddress, Int64(bytes.count), Int32(rank)))
  }

  package func receive(_ bytes: UnsafeMutableRawBufferPointer, from rank: Int) throws(ParallelError) {
    try checkPeer(rank, "receive")
    var count: Int64 = 0
    try check(cmpi_receive(handle, bytes.baseAddress, Int64(bytes.count), Int32(rank), &count))
    guard count == bytes.count else { throw .message(from: rank, found: Int(count), expected: bytes.count) }
  }

  package func startSum(
    _ values: UnsafeMutableBufferPointer<Float>, in owner: AnyObject
  ) throws(ParallelError) -> PendingSum {
    var request: OpaquePointer?
    try check(cmpi_start_sum(handle, values.baseAddress, Int64(values.count), cmpi_f32, &request))
    guard let request else { preconditionFailure("a transfer without a handle") }
    return PendingSum(MPITransfer(request, owner: owner, rank: rank))
  }
}

/// A request of MPI and the memory that it writes.
private final class MPITransfer: Transfer {
  private let request: OpaquePointer
  private let owner: AnyObject
  private let rank: Int
  private var isDone = false

  init(_ request: OpaquePointer, owner: AnyObject, rank: Int) {
    self.request = request
    self.owner = owner
    self.rank = rank
  }

  deinit {
    // MPI still writes to it.
    if !isDone { _ = Unmanaged.passRetained(owner) }
  }

  func test() throws(ParallelError) -> Bool {
    var done: Int32 = 0
    try MPIGroup.check(cmpi_test(request, &done), rank: rank)
    return done != 0
  }

  func wait() throws(ParallelError) {
    try MPIGroup.check(cmpi_wait(request), rank: rank)
    isDone = true
  }
}
