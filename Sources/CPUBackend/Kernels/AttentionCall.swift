internal import CKernels
internal import TensorCore

extension ck_attention {
  /// What both passes read; the other pointers are null.
  init(_ packed: Tensor, shape: AttentionShape, tables: AttentionTables) {
    self.init()
    sequenceCount = shape.sequenceCount
    firstCount = shape.pattern.firstCount
    secondCount = shape.pattern.secondCount
    window = max(1, secondCount)
    switch shape.pattern {
    case .causal(let length):
      chunk = max(1, length)
    case .window(let length, let size):
      chunk = max(1, length)
      window = size
    case .blocks:
      seesAll = 1
      chunk = max(1, secondCount)
    case .staircase(_, _, let chunkSize):
      chunk = chunkSize
      positionBase = 1
    }
    headCount = shape.headCount
    keyValueHeadCount = shape.keyValueHeadCount
    headWidth = shape.headWidth
    rotaryWidth = shape.rotaryWidth
    dropsFirstQueries = shape.dropsFirstQueries ? 1 : 0
    type = packed.dtype.kernelType
    self.packed = UnsafeRawPointer(packed.rawAddress(of: 0))
    cosines = UnsafePointer(tables.cosines.address)
    sines = UnsafePointer(tables.sines.address)
    queryNorm = tables.queryNorm.map { UnsafePointer($0.address) }
    keyNorm = tables.keyNorm.map { UnsafePointer($0.address) }
    normEpsilon = tables.normEpsilon
  }
}
