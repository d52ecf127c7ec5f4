import Parallel

/// A group that counts what its rank notes, and may be one whose threads make no calls.
final class SpyGroup: HostGroup {
  private let base: any HostGroup
  let servesThreads: Bool
  private(set) var notes: [WorkPhase] = []

  init(_ base: any HostGroup, servesThreads: Bool = true) {
    self.base = base
    self.servesThreads = servesThreads
  }

  var rank: Int { base.rank }
  var size: Int { base.size }
  var hostName: String { base.hostName }

  func note(step: Int, phase: WorkPhase) { notes.append(phase) }

  func allReduce(_ values: UnsafeMutableBufferPointer<Float>, wire: WireFormat) throws(ParallelError) {
    try base.allReduce(values, wire: wire)
  }
  func allReduce(_ reduction: Reduction, _ values: inout [Double]) throws(ParallelError) {
    try base.allReduce(reduction, &values)
  }
  func allReduce(_ reduction: Reduction, _ values: inout [Int]) throws(ParallelError) {
    try base.allReduce(reduction, &values)
  }
  func reduceScatter(
    _ values: UnsafeMutableBufferPointer<Float>, ranges: [Range<Int>], wire: WireFormat
  ) throws(ParallelError) { try base.reduceScatter(values, ranges: ranges, wire: wire) }
  func allGather(
    _ values: UnsafeMutableBufferPointer<Float>, ranges: [Range<Int>], wire: WireFormat
  ) throws(ParallelError) { try base.allGather(values, ranges: ranges, wire: wire) }
  func broadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int) throws(ParallelError) {
    try base.broadcast(bytes, from: root)
  }
  func allGather(_ text: String) throws(ParallelError) -> [String] { try base.allGather(text) }
  func barrier() throws(ParallelError) { try base.barrier() }
  func send(_ bytes: UnsafeRawBufferPointer, to rank: Int) throws(ParallelError) { try base.send(bytes, to: rank) }
  func receive(_ bytes: UnsafeMutableRawBufferPointer, from rank: Int) throws(ParallelError) {
    try base.receive(bytes, from: rank)
  }
  func duplicate() throws(ParallelError) -> any HostGroup { try base.duplicate() }
  func abort(code: Int32) { base.abort(code: code) }
  func finish() throws(ParallelError) { try base.finish() }
}
