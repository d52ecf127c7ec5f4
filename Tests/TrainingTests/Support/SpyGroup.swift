import Parallel

/// A group that counts what its rank notes, and may be one whose threads make no calls.
final class SpyGroup: ProcessGroup {
  private let base: any ProcessGroup
  let servesThreads: Bool
  private(set) var notes: [WorkPhase] = []

  init(_ base: any ProcessGroup, servesThreads: Bool = true) {
    self.base = base
    self.servesThreads = servesThreads
  }

  var rank: Int { base.rank }
  var size: Int { base.size }
  var hostName: String { base.hostName }

  func note(step: Int, phase: WorkPhase) { notes.append(phase) }

  func sum(_ values: UnsafeMutableBufferPointer<Float>, wire: WireFormat) throws(ParallelError) {
    try base.sum(values, wire: wire)
  }
  func sum(_ values: inout [Double]) throws(ParallelError) { try base.sum(&values) }
  func sum(_ values: inout [Int]) throws(ParallelError) { try base.sum(&values) }
  func startSum(
    _ values: UnsafeMutableBufferPointer<Float>, in owner: AnyObject
  ) throws(ParallelError) -> PendingSum { try base.startSum(values, in: owner) }
  func largest(_ value: Double) throws(ParallelError) -> Double { try base.largest(value) }
  func reduceScatter(
    _ values: UnsafeMutableBufferPointer<Float>, ranges: [Range<Int>], wire: WireFormat
  ) throws(ParallelError) { try base.reduceScatter(values, ranges: ranges, wire: wire) }
  func allGather(
    _ values: UnsafeMutableBufferPointer<Float>, ranges: [Range<Int>], wire: WireFormat
  ) throws(ParallelError) { try base.allGather(values, ranges: ranges, wire: wire) }
  func broadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int) throws(ParallelError) {
    try base.broadcast(bytes, from: root)
  }
  func gather(_ text: String) throws(ParallelError) -> [String] { try base.gather(text) }
  func barrier() throws(ParallelError) { try base.barrier() }
  func send(_ bytes: UnsafeRawBufferPointer, to rank: Int) throws(ParallelError) { try base.send(bytes, to: rank) }
  func receive(_ bytes: UnsafeMutableRawBufferPointer, from rank: Int) throws(ParallelError) {
    try base.receive(bytes, from: rank)
  }
  func duplicate() throws(ParallelError) -> any ProcessGroup { try base.duplicate() }
  func split(color: Int, key: Int) throws(ParallelError) -> any ProcessGroup {
    try base.split(color: color, key: key)
  }
  func abort(code: Int32) { base.abort(code: code) }
  func finish() throws(ParallelError) { try base.finish() }
}
