internal import CUDASources
internal import TensorCore

/// What attention kernels have to do, and what their tiles make of it.
struct AttentionWork {
  /// The rows of one tile's warps see intervals; this mirrors `AttentionCall.cuh`, to count what the kernels compute.
  private struct Interval {
    var begin: Int
    var end: Int
  }

  private let shape: AttentionShape
  private let call: AttentionCall

  init(_ shape: AttentionShape) {
    self.shape = shape
    call = AttentionCall(shape)
  }

  /// Multiplications and additions of one product over all score entries that the pattern allows.
  var operations: Double {
    let scores = shape.sequenceCount * shape.pattern.scoreCount(dropsFirstQueries: shape.dropsFirstQueries)
    return 2 * Double(shape.headWidth * shape.headCount * scores)
  }

  /// The same over the entries of all 16 by 16 groups that a kernel computes.
  func tileOperations(_ part: AttentionPart, _ tiles: AttentionTiles) -> Double {
    var entries = 0
    for segment in 0..<2 where part == .keyGradient || segment == 1 || !shape.dropsFirstQueries {
      let rowCount = Int(segment == 0 ? call.firstCount : call.secondCount)
      for begin in stride(from: 0, to: rowCount, by: tiles.rowCount) {
        entries += entryCount(part, tiles, segment: segment, begin: begin, end: min(begin + tiles.rowCount, rowCount))
      }
    }
    return 2 * Double(shape.headWidth * shape.headCount * Int(call.sequenceCount) * entries)
  }

  /// Entries of the groups that the warps of one block of threads compute, for one head of one sequence.
  private func entryCount(
    _ part: AttentionPart, _ tiles: AttentionTiles, segment: Int, begin: Int, end: Int
  ) -> Int {
    var count = 0
    for other in 0..<2 {
      let streamBegin = interval(part, segment, begin, other).begin
      for first in stride(from: begin, to: end, by: 16 * tiles.groupCount) {
        let last = min(first + 16 * tiles.groupCount, end) - 1
        let (from, to) = (interval(part, segment, first, other).begin, interval(part, segment, last, other).end)
        guard from < to else { continue }
        let groups = (to - streamBegin + 15) / 16 - (from - streamBegin) / 16
        count += groups * 16 * 16 * tiles.groupCount
      }
    }
    return count
  }

  private func interval(_ part: AttentionPart, _ from: Int, _ row: Int, _ to: Int) -> Interval {
    part == .keyGradient ? queriesSeeing(from, row, to) : keysSeen(from, row, to)
  }

  private func sameBlock(_ from: Int, _ row: Int, _ to: Int) -> Interval {
    let block = (from == 0 ? call.size : call.length).quotient(row)
    let width = Int(to == 0 ? call.size.value : call.length.value)
    return Interval(begin: block * width, end: (block + 1) * width)
  }

  private func keysSeen(_ from: Int, _ row: Int, _ to: Int) -> Interval {
    let none = Interval(begin: 0, end: 0)
    switch shape.pattern {
    case .blocks: return sameBlock(from, row, to)
    case .causal: return to == 0 ? none : Interval(begin: 0, end: row + 1)
    case .window(_, let size): return to == 0 ? none : Interval(begin: max(0, row - size + 1), end: row + 1)
    case .staircase(_, _, let chunk):
      if from == 0 { return to == 0 ? Interval(begin: 0, end: row + 1) : none }
      return to == 0
        ? Interval(begin: 0, end: row / chunk + 1) : Interval(begin: row / chunk * chunk, end: row + 1)
    }
  }

  private func queriesSeeing(_ from: Int, _ row: Int, _ to: Int) -> Interval {
    let none = Interval(begin: 0, end: 0)
    if to == 0, shape.dropsFirstQueries { return none }
    switch shape.pattern {
    case .blocks: return sameBlock(from, row, to)
    case .causal(let length): return to == 0 ? none : Interval(begin: row, end: length)
    case .window(let length, let size):
      return to == 0 ? none : Interval(begin: row, end: min(row + size, length))
    case .staircase(let globals, let locals, let chunk):
      if from == 0 {
        return to == 0
          ? Interval(begin: row, end: globals) : Interval(begin: min(row * chunk, locals), end: locals)
      }
      return to == 0 ? none : Interval(begin: row, end: min((row / chunk + 1) * chunk, locals))
    }
  }
}
