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
}
