internal import Foundation

/// The group of a single rank, without MPI.
package final class SoloGroup: ProcessGroup {
  package let rank = 0
  package let size = 1

  package init() {}

  package func sum(_ values: UnsafeMutableBufferPointer<Float>) {}
  package func sum(_ values: inout [Double]) {}
  package func sum(_ values: inout [Int]) {}
  package func largest(_ value: Double) -> Double { value }

  package func broadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int) throws(ParallelError) {
    guard root == 0 else { throw .noSuchRank(operation: "broadcast", rank: root, size: size) }
  }

  package func gather(_ text: String) -> [String] { [text] }
  package func barrier() {}
  package func abort(code: Int32) { exit(code) }
  package func finish() {}
}
