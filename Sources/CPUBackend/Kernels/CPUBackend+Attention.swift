internal import CKernels
package import TensorCore

extension CPUBackend {
  package func attention(
    _ packed: Tensor, shape: AttentionShape, tables: AttentionTables, output: Tensor, logSumExp: Tensor
  ) {
    precondition(output.dtype == packed.dtype, "attention: \(packed.dtype) into \(output.dtype)")
    var call = ck_attention(packed, shape: shape, tables: tables)
    call.output = output.rawAddress(of: 0)
    call.logSumExp = logSumExp.address
    forEachAttentionTask(call, scratchCount: ck_attention_forward_scratch(&call)) { call, task, scratch in
      kernels.attention_forward(
        call, task.sequences.lowerBound, task.sequences.upperBound, task.keyValueHead, scratch)
    }
  }

  package func attentionBackward(
    _ packed: Tensor, shape: AttentionShape, tables: AttentionTables, output: Tensor, logSumExp: Tensor,
    outputGradient: Tensor, packedGradient: Tensor, queryNormGradient: Tensor?, keyNormGradient: Tensor?
  ) {
    precondition(
      [output, outputGradient, packedGradient].allSatisfy { $0.dtype == packed.dtype }, "attention: types differ")
    var call = ck_attention(packed, shape: shape, tables: tables)
    call.output = output.rawAddress(of: 0)
    call.logSumExp = logSumExp.address
    call.outputGradient = UnsafeRawPointer(outputGradient.rawAddress(of: 0))
    call.packedGradient = packedGradient.rawAddress(of: 0)
    let scratchCount = ck_attention_backward_scratch(&call)
    let width = tables.queryNorm == nil ? 0 : shape.headWidth
    let partialCount = attentionTaskCount(call)
    // Partial sums of the two norms' gradients, one of each per task: added in the order of the tasks.
    withScratch(Float.self, count: partialCount * 2 * width) { partials in
      forEachAttentionTask(call, scratchCount: scratchCount) { call, task, scratch in
        kernels.attention_backward(
          call, task.sequences.lowerBound, task.sequences.upperBound, task.keyValueHead, scratch,
          width == 0 ? nil : partials + task.index * 2 * width)
      }
      guard width > 0 else { return }
      if let queryNormGradient {
        kernels.add_rows(partials, partialCount, width, 2 * width, queryNormGradient.address)
      }
      if let keyNormGradient {
        kernels.add_rows(partials + width, partialCount, width, 2 * width, keyNormGradient.address)
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
    let first = index / call.keyValueHeadCount * sequencesPerTask
    self.index = index
    sequences = first..<min(call.sequenceCount, first + sequencesPerTask)
    keyValueHead = index % call.keyValueHeadCount
  }
}

extension CPUBackend {
  /// The same for any number of threads, so that partial sums are too.
  private func attentionTaskCount(_ call: ck_attention) -> Int {
    var call = call
    let sequencesPerTask = ck_attention_sequences_per_task(&call)
    return (call.sequenceCount + sequencesPerTask - 1) / sequencesPerTask * call.keyValueHeadCount
  }

  /// Calls `body` for every task of a call, each time with `scratchCount` floats that nobody else uses meanwhile.
  private func forEachAttentionTask(
    _ call: ck_attention, scratchCount: Int,
    _ body: (UnsafePointer<ck_attention>, AttentionTask, UnsafeMutablePointer<Float>) -> Void
  ) {
    let taskCount = attentionTaskCount(call)
    let slotCount = min(taskCount, threadCount)
    withScratch(Float.self, count: slotCount * scratchCount) { scratch in
      withUnsafePointer(to: call) { call in
        let sequencesPerTask = ck_attention_sequences_per_task(call)
        forEachTask(count: taskCount, slotCount: slotCount) { index, slot in
          body(
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
