package import Parallel

/// Numbered pieces of work that the ranks of a group take in turn.
///
/// What a piece gives does not depend on who does it, and all ranks add the pieces up in the same order: so results are
/// those of one rank with as many threads, to the bit.
package struct SharedWork {
  private let group: any ProcessGroup

  package init(in group: any ProcessGroup) {
    self.group = group
  }

  /// How many of `count` pieces are this rank's.
  package func share(of count: Int) -> Int { (count + group.size - 1 - group.rank) / group.size }

  /// Numbers that each piece gives, on all ranks alike. All ranks call it.
  ///
  /// - Parameters:
  ///   - count: of the pieces.
  ///   - width: numbers that a piece gives.
  ///   - body: gives the numbers of the piece with this number of `0 ..< count`.
  /// - Returns: `[count]` lists of `width` numbers, and the longest time that a rank took, in seconds.
  func numbers(
    count: Int, width: Int, _ body: (Int) throws -> [Double]
  ) throws -> (pieces: [[Double]], seconds: Double) {
    var all = [Double](repeating: 0, count: count * width)
    let clock = ContinuousClock()
    let elapsed = try clock.measure {
      for piece in stride(from: group.rank, to: count, by: group.size) {
        let found = try body(piece)
        precondition(found.count == width, "piece \(piece): \(found.count) numbers of \(width)")
        all.replaceSubrange(piece * width..<(piece + 1) * width, with: found)
      }
    }
    // Each number is the sum of one rank's and of zeros.
    try group.allReduce(.sum, &all)
    let pieces = (0..<count).map { Array(all[$0 * width..<($0 + 1) * width]) }
    return (pieces, try group.allReduce(.max, elapsed / .seconds(1)))
  }
}
