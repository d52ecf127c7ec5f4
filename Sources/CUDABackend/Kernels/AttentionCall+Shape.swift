internal import CUDASources
internal import TensorCore

extension Divisor {
  /// - Parameter value: 0 for one that nothing is divided by.
  init(_ value: Int) {
    precondition(value >= 0 && value <= Int(Int32.max), "divisor: \(value)")
    let divisor = UInt64(max(value, 1))
    let shift = UInt64(64 - (divisor - 1).leadingZeroBitCount)
    let factor = ((1 << (31 + shift)) + divisor - 1) / divisor
    self.init(value: Int32(value), factor: UInt32(factor), shift: Int32(shift))
  }

  /// What kernels compute for a number from 0 to 2³¹ - 1.
  func quotient(_ number: Int) -> Int {
    Int((UInt64(number) * 2 * UInt64(factor)) >> (32 + UInt64(shift)))
  }
}

extension AttentionCall {
  /// A call as kernels take it; rows are packed as `AttentionShape` says.
  init(_ shape: AttentionShape) {
    self.init()
    sequenceCount = Int32(shape.sequenceCount)
    firstCount = Int32(shape.pattern.firstCount)
    secondCount = Int32(shape.pattern.secondCount)
    (size, length) = (Divisor(0), Divisor(0))
    switch shape.pattern {
    case .causal: break
    case .window(_, let rows): size = Divisor(rows)
    case .staircase(_, _, let chunk): size = Divisor(chunk)
    case .blocks(let leading, let rows):
      (size, length) = (Divisor(leading), Divisor(rows))
      // All blocks are one sequence to the kernels, so that a tile may hold rows of many.
      sequenceCount = 1
      firstCount = Int32(shape.firstRowCount)
      secondCount = Int32(shape.sequenceCount * rows)
    }
    headCount = Int32(shape.headCount)
    keyValueHeadCount = Int32(shape.keyValueHeadCount)
    dropsFirstQueries = shape.dropsFirstQueries ? 1 : 0
    (queryStride, keyStride, valueStride) = (
      Int32(shape.packedWidth), Int32(shape.packedWidth), Int32(shape.packedWidth)
    )
    gradientStride = Int32(shape.packedWidth)
    outputStride = Int32(shape.queryWidth)
    scale = 1 / Float(shape.headWidth).squareRoot()
    queryRowCount = Int32(shape.queryRows.count)
  }

  /// Tiles of `rowCount` rows that cover both segments of a sequence; the first one only if it is wanted.
  func tileCount(rowCount: Int, withFirst: Bool) -> Int {
    let first = withFirst ? (Int(firstCount) + rowCount - 1) / rowCount : 0
    return first + (Int(secondCount) + rowCount - 1) / rowCount
  }
}
