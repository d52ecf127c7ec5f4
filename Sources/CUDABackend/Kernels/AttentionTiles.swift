internal import TensorCore

/// How an attention kernel cuts its work: what it is compiled with, and what a launch follows from.
struct AttentionTiles: Hashable {
  /// Groups of 16 rows that a warp owns.
  let groupCount: Int
  let warpCount: Int
  /// Rows of the tiles that stream past the owned rows, a multiple of 16.
  let streamRowCount: Int
  /// Tiles that are in shared memory at once.
  let stageCount: Int
  /// Blocks that a multiprocessor is to hold: what bounds a thread's registers.
  let blockCount: Int

  init(_ groupCount: Int, _ warpCount: Int, _ streamRowCount: Int, _ stageCount: Int, _ blockCount: Int) {
    self.groupCount = groupCount
    self.warpCount = warpCount
    self.streamRowCount = streamRowCount
    self.stageCount = stageCount
    self.blockCount = blockCount
  }

  /// Rows that a block of threads owns.
  var rowCount: Int { groupCount * warpCount * 16 }
  var threadCount: Int { warpCount * 32 }

  func source(_ part: AttentionPart, kind: AttentionKind, headWidth: Int) -> KernelSource {
    KernelSource(
      part.file,
      [
        "PATTERN": kind.rawValue, "HEAD_WIDTH": "\(headWidth)", "GROUPS": "\(groupCount)", "WARPS": "\(warpCount)",
        "STREAM_ROWS": "\(streamRowCount)", "STAGES": "\(stageCount)", "BLOCKS": "\(blockCount)",
      ])
  }

  func sharedBytes(_ part: AttentionPart, headWidth: Int) -> Int {
    let rowBytes = headWidth * DeviceType.bfloat16.byteCount
    let statistics = part == .keyGradient ? 2 * streamRowCount * DeviceType.float32.byteCount : 0
    let owned = (part == .forward ? 1 : 2) * rowCount * rowBytes
    return owned + stageCount * (2 * streamRowCount * rowBytes + statistics)
  }

  /// The fastest of those that were tried, see `docs/gpu.md`.
  static func best(_ part: AttentionPart, kind: AttentionKind, headWidth: Int) -> AttentionTiles {
    switch (part, kind) {
    case (.forward, _) where headWidth > 64: AttentionTiles(1, 4, 64, 2, 2)
    case (_, _) where headWidth > 64: AttentionTiles(1, 4, 32, 2, 2)
    case (.forward, .window), (.forward, .causal): AttentionTiles(1, 4, 64, 2, 3)
    case (.forward, _): AttentionTiles(1, 4, 64, 2, 4)
    case (.queryGradient, .causal): AttentionTiles(2, 4, 64, 2, 2)
    case (.queryGradient, .window): AttentionTiles(1, 4, 64, 2, 3)
    case (.queryGradient, _): AttentionTiles(1, 4, 64, 2, 4)
    case (.keyGradient, _): AttentionTiles(1, 4, 64, 3, 3)
    }
  }
}

/// The kernels of attention on tensor cores.
enum AttentionPart: CaseIterable {
  case forward, queryGradient, keyGradient

  var file: String {
    switch self {
    case .forward: "AttentionForward.cu"
    case .queryGradient: "AttentionQueryGradient.cu"
    case .keyGradient: "AttentionKeyGradient.cu"
    }
  }

  var kernelName: String {
    switch self {
    case .forward: "attentionForward"
    case .queryGradient: "attentionQueryGradient"
    case .keyGradient: "attentionKeyGradient"
    }
  }
}

/// A pattern without its sizes, as kernels name it.
enum AttentionKind: String, CaseIterable {
  case causal, window, blocks, staircase

  init(_ pattern: AttentionPattern) {
    self =
      switch pattern {
      case .causal: .causal
      case .window: .window
      case .blocks: .blocks
      case .staircase: .staircase
      }
  }
}
