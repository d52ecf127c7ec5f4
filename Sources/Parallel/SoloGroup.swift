internal import Foundation

/// The group of a single rank, without MPI.
package final class SoloGroup: HostGroup {
  package let rank = 0
  package let size = 1

  package init() {}

  package func allReduce(_ values: UnsafeMutableBufferPointer<Float>, wire: WireFormat) {}
  package func allReduce(_ reduction: Reduction, _ values: inout [Double]) {}
  package func allReduce(_ reduction: Reduction, _ values: inout [Int]) {}

  package func reduceScatter(_ values: UnsafeMutableBufferPointer<Float>, ranges: [Range<Int>], wire: WireFormat) {
    checkRanges(ranges, count: values.count)
  }

  package func allGather(_ values: UnsafeMutableBufferPointer<Float>, ranges: [Range<Int>], wire: WireFormat) {
    checkRanges(ranges, count: values.count)
  }

  package func broadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int) throws(ParallelError) {
    guard root == 0 else { throw .noSuchRank(operation: "broadcast", rank: root, size: size) }
  }

  package func allGather(_ text: String) -> [String] { [text] }
  package func barrier() {}

  package func send(_ bytes: UnsafeRawBufferPointer, to rank: Int) throws(ParallelError) {
    try checkPeer(rank, "send")
  }

  package func receive(_ bytes: UnsafeMutableRawBufferPointer, from rank: Int) throws(ParallelError) {
    try checkPeer(rank, "receive")
  }

  package func duplicate() -> any HostGroup { SoloGroup() }
  package func abort(code: Int32) { exit(code) }
  package func finish() {}
}
