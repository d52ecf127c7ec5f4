internal import CKernels
package import TensorCore

extension CPUBackend {
  package func attention(
    _ packed: Tensor, shape: AttentionShape, tables: AttentionTables, output: Tensor, logSumExp: Tensor
  ) {
    precondition(output.dtype == packed.dtype, "attention: \(packed.dtype) into \(output.dtype)")
    var call = unsafe ck_attention(packed, shape: shape, tables: tables)
    unsafe call.output = unsafe output.rawAddress(of: 0)
    unsafe call.logSumExp = unsafe logSumExp.address
    unsafe forEachAttentionTask(call, scratchCount: ck_attention_forward_scratch(&call)) { call, task, scratch in
      unsafe kernels.attention_forward(
        call, task.sequences.lowerBound, task.sequences.upperBound, task.keyValueHead, scratch)
    }
  }

  package func attentionBackward(
    _ packed: Tensor, shape: AttentionShape, tables: AttentionTables, output: Tensor, logSumExp: Tensor,
    outputGradient: Tensor, packedGradient: Tensor, queryNormGradient: Tensor?, keyNormGradient: Tensor?
  ) {
    precondition(
      [output, outputGradient, packedGradient].allSatisfy { $0.dtype == packed.dtype }, "attention: types differ")
    var call = unsafe ck_attention(packed, shape: shape, tables: tables)
    unsafe call.output = unsafe output.rawAddress(of: 0)
    unsafe call.logSumExp = unsafe logSumExp.address
    unsafe call.outputGradient = unsafe UnsafeRawPointer(outputGradient.rawAddress(of: 0))
    unsafe call.packedGradient = unsafe packedGradient.rawAddress(of: 0)
    let scratchCount = unsafe ck_attention_backward_scratch(&call)
    let width = tables.queryNorm == nil ? 0 : shape.headWidth
    let partialCount = unsafe attentionTaskCount(call)
    // Partial sums of the two norms' gradients, one of each per task: added in the order of the tasks.
    unsafe withScratch(Float.self, count: partialCount * 2 * width) { partials in
      unsafe forEachAttentionTask(call, scratchCount: scratchCount) { call, task, scratch in
        unsafe kernels.attention_backward(
          call, task.sequences.lowerBound, task.sequences.upperBound, task.keyValueHead, scratch,
          width == 0 ? nil : partials + task.index * 2 * width)
      }
      guard width > 0 else { return }
      if let queryNormGradient {
        unsafe kernels.add_rows(partials, partialCount, width, 2 * width, queryNormGradient.address)
      }
      if let keyNormGradient {
        unsafe kernels.add_rows(partials + width, partialCount, width, 2 * width, keyNormGradient.address)
      }
    }
  }
}

/// Some sequences of one key/value head: what a thread takes at a time.
private struct AttentionTask {
  let index: Int
  let sequences: Range<Int>
  let keyValueHead: Int

  /// Task `index` of a call, whose tasks take `sequencesPerTask` sequences each and go through the heads first.
  init(index: Int, of call: ck_attention, sequencesPerTask: Int) {
    let first = unsafe index / call.keyValueHeadCount * sequencesPerTask
    self.index = index
    sequences = unsafe first..<min(call.sequenceCount, first + sequencesPerTask)
    keyValueHead = unsafe index % call.keyValueHeadCount
  }
}

extension CPUBackend {
  /// The same for any number of threads, so that partial sums are too.
  private func attentionTaskCount(_ call: ck_attention) -> Int {
    var call = unsafe call
    let sequencesPerTask = unsafe ck_attention_sequences_per_task(&call)
    return unsafe (call.sequenceCount + sequencesPerTask - 1) / sequencesPerTask * call.keyValueHeadCount
  }

  /// Calls `body` for every task of a call, each time with `scratchCount` floats that nobody else uses meanwhile.
  private func forEachAttentionTask(
    _ call: ck_attention, scratchCount: Int,
    _ body: (UnsafePointer<ck_attention>, AttentionTask, UnsafeMutablePointer<Float>) -> Void
  ) {
    let taskCount = unsafe attentionTaskCount(call)
    let slotCount = min(taskCount, threadCount)
    unsafe withScratch(Float.self, count: slotCount * scratchCount) { scratch in
      unsafe withUnsafePointer(to: call) { call in
        let sequencesPerTask = unsafe ck_attention_sequences_per_task(call)
        forEachTask(count: taskCount, slotCount: slotCount) { index, slot in
          unsafe body(
            call, AttentionTask(index: index, of: call.pointee, sequencesPerTask: sequencesPerTask),
            scratch + slot * scratchCount)
        }
      }
    }
  }
}

extension ck_attention {
  /// What both passes read; the other pointers are null.
  init(_ packed: Tensor, shape: AttentionShape, tables: AttentionTables) {
    unsafe self.init()
    unsafe sequenceCount = shape.sequenceCount
    unsafe firstCount = shape.pattern.firstCount
    unsafe secondCount = shape.pattern.secondCount
    unsafe window = unsafe max(1, secondCount)
    switch shape.pattern {
    case .causal(let length):
      unsafe chunk = max(1, length)
    case .window(let length, let size):
      unsafe chunk = max(1, length)
      unsafe window = size
    case .blocks:
      unsafe seesAll = 1
      unsafe chunk = unsafe max(1, secondCount)
    case .staircase(_, _, let chunkSize):
      unsafe chunk = chunkSize
      unsafe positionBase = 1
    }
    unsafe headCount = shape.headCount
    unsafe keyValueHeadCount = shape.keyValueHeadCount
    unsafe headWidth = shape.headWidth
    unsafe rotaryWidth = shape.rotaryWidth
    unsafe dropsFirstQueries = shape.dropsFirstQueries ? 1 : 0
    unsafe type = packed.dtype.kernelType
    unsafe self.packed = unsafe UnsafeRawPointer(packed.rawAddress(of: 0))
    unsafe cosines = unsafe UnsafePointer(tables.cosines.address)
    unsafe sines = unsafe UnsafePointer(tables.sines.address)
    unsafe queryNorm = unsafe tables.queryNorm.map { unsafe UnsafePointer($0.address) }
    unsafe keyNorm = unsafe tables.keyNorm.map { unsafe UnsafePointer($0.address) }
    unsafe normEpsilon = tables.normEpsilon
  }
}
