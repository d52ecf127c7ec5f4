internal import TensorCore

/// A kernel's call, ready to be timed: its arrays are there.
struct DeviceCase {
  let name: String
  let shape: String
  let work: DeviceWork
  let usage: KernelUsage?
  let call: () throws(CUDAError) -> Void

  init(
    _ name: String, _ shape: String, _ work: DeviceWork, usage: KernelUsage? = nil,
    _ call: @escaping () throws(CUDAError) -> Void
  ) {
    self.name = name
    self.shape = shape
    self.work = work
    self.usage = usage
    self.call = call
  }
}

/// The calls of a training step's sizes, in bfloat16 where a step has it; each list makes its arrays when it is asked for.
struct DeviceCases {
  let library: KernelLibrary
  let stream: CUDAStream
  let size: DeviceBenchmarkSize
  let chunkSize: Int

  private var device: CUDADevice { library.device }
  private var width: Int { size.width }
  private var rowCount: Int { size.rowCount(chunkSize: chunkSize) }

  /// What has arrays of its own, made when its turn comes.
  enum Group: CaseIterable {
    case staircase, blocks, causal, window, rotation, norms, swiGLU, crossEntropy, rows, update
  }

  func cases(_ group: Group) throws(CUDAError) -> [DeviceCase] {
    switch group {
    case .staircase: try attention("staircase", size.staircase(chunkSize: chunkSize))
    case .blocks: try attention("blocks", size.blocks(chunkSize: chunkSize))
    case .causal: try attention("causal", size.causal)
    case .window: try attention("window", size.window)
    case .rotation: try rotation()
    case .norms: try norms()
    case .swiGLU: try swiGLU()
    case .crossEntropy: try crossEntropy()
    case .rows: try rows()
    case .update: try update()
    }
  }

  // MARK: Attention

  private func attention(_ pattern: String, _ shape: AttentionShape) throws(CUDAError) -> [DeviceCase] {
    let kernels = AttentionKernels(shape, type: .bfloat16, library: library)
    let packed = try random(shape.rowCount * shape.packedWidth)
    let inputs = AttentionRows(packed: packed, shape: shape)
    let output = try random(shape.queryRows.count * shape.queryWidth)
    let statistics = try array(.float32, shape.headCount * shape.queryRows.count)
    let gradients = AttentionGradients(
      output: try random(output.count), packed: try array(.bfloat16, packed.count),
      deltas: try array(.float32, statistics.count))
    let stream = stream
    let size = "\(shape.pattern), \(shape.sequenceCount) x \(shape.headCount) heads of \(shape.headWidth)"
    let (rows, written) = (packed.byteCount + output.byteCount + statistics.byteCount, gradients.packed.byteCount)
    let queryGradient = {
      () throws(CUDAError) in
      try kernels.queryGradient(
        inputs, output: output, logSumExp: statistics, gradients: gradients, on: stream)
    }
    let keyGradient = {
      () throws(CUDAError) in
      try kernels.keyGradient(inputs, logSumExp: statistics, gradients: gradients, on: stream)
    }
    let forward = {
      () throws(CUDAError) in
      try kernels.forward(inputs, output: output, logSumExp: statistics, on: stream)
    }
    // What the backward pass reads has to be of the same call.
    try forward()
    try queryGradient()
    return [
      DeviceCase(
        "attention \(pattern) forward", size, work(shape, [.forward: 2], forward: true, bytes: rows),
        usage: try kernels.usage(.forward), forward),
      DeviceCase(
        "attention \(pattern) backward", size,
        work(
          shape, [.queryGradient: 3, .keyGradient: 4], forward: false,
          bytes: rows + output.byteCount + written)
      ) { () throws(CUDAError) in
        try queryGradient()
        try keyGradient()
      },
      DeviceCase(
        "attention \(pattern) query gradient", size,
        work(
          shape, [.queryGradient: 3], forward: false,
          bytes: rows + output.byteCount + written * shape.queryWidth / shape.packedWidth),
        usage: try kernels.usage(.queryGradient), queryGradient),
      DeviceCase(
        "attention \(pattern) key gradient", size,
        work(
          shape, [.keyGradient: 4], forward: false,
          bytes: packed.byteCount + output.byteCount + written - written * shape.queryWidth / shape.packedWidth),
        usage: try kernels.usage(.keyGradient), keyGradient),
    ]
  }

  /// - Parameter products: how many products over score entries each part computes; two are needed forward, five backward.
  private func work(
    _ shape: AttentionShape, _ products: [AttentionPart: Int], forward: Bool, bytes: Int
  ) -> DeviceWork {
    let work = AttentionWork(shape)
    let kind = AttentionKind(shape.pattern)
    let computed = products.reduce(0.0) { sum, part in
      let tiles = AttentionTiles.best(part.key, kind: kind, headWidth: shape.headWidth)
      return sum + Double(part.value) * work.tileOperations(part.key, tiles)
    }
    let needed = forward ? 2 : min(5, products.values.reduce(0, +))
    return DeviceWork(operations: Double(needed) * work.operations, tileOperations: computed, bytes: Double(bytes))
  }

  private func rotation() throws(CUDAError) -> [DeviceCase] {
    let shape = size.staircase(chunkSize: chunkSize)
    let kernels = RotationKernels(shape, type: .bfloat16, library: library)
    let parts = try array(.float32, RotationKernels.partCount(headWidth: shape.headWidth))
    let (packed, gradients) = (
      try random(shape.rowCount * shape.packedWidth), try random(shape.rowCount * shape.packedWidth)
    )
    let tableCount = shape.pattern.positionCount * shape.headWidth / 2
    let norms = try random(2 * shape.headWidth, .float32)
    let normPair = (query: norms, key: norms.from(shape.headWidth))
    let tables = RotationTables(
      cosines: try random(tableCount, .float32), sines: try random(tableCount, .float32), norms: nil, epsilon: 1e-6)
    let normed = RotationTables(
      cosines: tables.cosines, sines: tables.sines, norms: normPair, epsilon: 1e-6)
    let heads = packed.byteCount * (shape.headCount + shape.keyValueHeadCount) * shape.headWidth / shape.packedWidth
    let (name, stream) = ("[\(shape.rowCount), \(shape.packedWidth)]", stream)
    return [
      DeviceCase("rotation forward", name, DeviceWork(bytes: Double(2 * heads))) { () throws(CUDAError) in
        try kernels.forward(
          packed: packed, tables: tables, rotated: packed, stride: shape.packedWidth, on: stream)
      },
      DeviceCase("rotation with norms forward", name, DeviceWork(bytes: Double(2 * heads))) { () throws(CUDAError) in
        try kernels.forward(
          packed: packed, tables: normed, rotated: gradients, stride: shape.packedWidth, on: stream)
      },
      DeviceCase("rotation backward", name, DeviceWork(bytes: Double(2 * heads))) { () throws(CUDAError) in
        try kernels.backward(
          packed: packed, tables: tables, gradients: gradients, normGradients: nil, parts: nil, on: stream)
      },
      DeviceCase("rotation with norms backward", name, DeviceWork(bytes: Double(3 * heads))) { () throws(CUDAError) in
        try kernels.backward(
          packed: packed, tables: normed, gradients: gradients, normGradients: normPair, parts: parts, on: stream)
      },
    ]
  }

  // MARK: Memory

  private func norms() throws(CUDAError) -> [DeviceCase] {
    let kernels = NormKernels(width: width, delta: .float32, activation: .bfloat16, library: library)
    let partCount = NormKernels.partCount(
      rowCount: rowCount, multiprocessorCount: device.multiprocessorCount)
    let parts = try array(.float32, partCount * width)
    let count = rowCount * width
    let (x, sum) = (try random(count, .float32), try random(count, .float32))
    let (delta, output, gradient) = (try random(count, .float32), try random(count), try random(count))
    let (weight, weightGradient) = (try random(width, .float32), try random(width, .float32))
    let (inverse, stream) = (try random(rowCount, .float32), stream)
    let bytes = Double(3 * x.byteCount + output.byteCount)
    return [
      DeviceCase("norm forward", "[\(rowCount), \(width)]", DeviceWork(bytes: bytes)) { () throws(CUDAError) in
        try kernels.forward(
          x, plus: (delta, sum), weight: weight, epsilon: 1e-6, output: output, inverse: inverse, on: stream)
      },
      DeviceCase(
        "norm backward", "[\(rowCount), \(width)]", DeviceWork(bytes: Double(3 * x.byteCount + gradient.byteCount))
      ) { () throws(CUDAError) in
        try kernels.backward(
          x, weight: weight, inverse: inverse, outputGradient: gradient, sumGradient: sum, inputGradient: sum,
          weightGradient: weightGradient, parts: parts, on: stream)
      },
    ]
  }

  private func swiGLU() throws(CUDAError) -> [DeviceCase] {
    let (kernels, inner) = (ElementKernels(library: library), size.mlpWidth)
    let (gateUp, gradient) = (try random(rowCount * 2 * inner), try random(rowCount * 2 * inner))
    let (output, outputGradient, stream) = (try random(rowCount * inner), try random(rowCount * inner), stream)
    let bytes = Double(gateUp.byteCount + output.byteCount)
    return [
      DeviceCase("swiglu forward", "[\(rowCount), \(inner)]", DeviceWork(bytes: bytes)) { () throws(CUDAError) in
        try kernels.swiGLU(gateUp, output: output, width: inner, on: stream)
      },
      DeviceCase("swiglu backward", "[\(rowCount), \(inner)]", DeviceWork(bytes: 2 * bytes)) { () throws(CUDAError) in
        try kernels.swiGLUBackward(
          gateUp, outputGradient: outputGradient, gateUpGradient: gradient, output: output, width: inner, on: stream)
      },
    ]
  }

  private func crossEntropy() throws(CUDAError) -> [DeviceCase] {
    let kernels = ElementKernels(library: library)
    let (R, V) = (size.logitRowCount, size.vocabularySize)
    let (logits, losses, targets) = (try random(R * V), try array(.float32, R), try ids(R, below: V))
    let stream = stream
    return [
      DeviceCase("cross-entropy with gradient", "[\(R), \(V)]", DeviceWork(bytes: Double(2 * logits.byteCount))) {
        () throws(CUDAError) in
        // A scale of 1 keeps the numbers in range however often the call is made.
        try kernels.crossEntropy(logits, targets: targets, losses: losses, gradientScale: 1, on: stream)
      }
    ]
  }

  private func rows() throws(CUDAError) -> [DeviceCase] {
    let kernels = RowKernels(library: library)
    let (count, rowCount) = (size.sampleCount * size.length, size.vocabularySize)
    let (table, packed) = (try random(rowCount * width, .float32), try random(count * width, .float32))
    let (sums, tokens) = (try random(rowCount * width, .float32), try ids(count, below: rowCount))
    let scratch = try array(.int32, RowKernels.scratchCount(count))
    let places = Set(Self.ids(count, below: rowCount)).count
    let (width, stream) = (width, stream)
    return [
      DeviceCase("copy rows", "[\(count), \(width)]", DeviceWork(bytes: Double(2 * packed.byteCount))) {
        () throws(CUDAError) in
        try kernels.copy(table, tokens, to: packed, nil, width: width, count: count, on: stream)
      },
      DeviceCase(
        "add rows", "[\(count), \(width)]", DeviceWork(bytes: Double(packed.byteCount + 2 * places * width * 4))
      ) { () throws(CUDAError) in
        try kernels.add(
          packed, nil, to: sums, tokens, width: width, rowCount: rowCount, count: count, scratch: scratch, on: stream)
      },
    ]
  }

  private func update() throws(CUDAError) -> [DeviceCase] {
    let (kernels, adder) = (UpdateKernels(library: library), SumKernels(library: library))
    let count = size.parameterCount
    let (weights, gradients) = (try random(count, .float32), try random(count, .float32))
    let (first, second) = (try random(count, .float32), try array(.float32, count))
    try second.fill(byte: 0, on: stream)
    let (rounded, stream) = (try array(.bfloat16, count), stream)
    let step = AdamWStep(rate: 1e-3, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, decay: 0.1)
    let (sums, control) = (try array(.float64, 2), try array(.float64, UpdateControl.count))
    let parts = try array(.float64, SumKernels.partCount)
    for numbers in [sums, control] { try numbers.fill(byte: 0, on: stream) }
    let decision = UpdateDecision(targetCount: 1, clipNorm: 1, lossThreshold: .infinity, beta1: 0.9, beta2: 0.95)
    try kernels.decide(decision, sums: sums, control: control, on: stream)
    return [
      DeviceCase("sum of squares", "[\(count)]", DeviceWork(bytes: Double(gradients.byteCount))) {
        () throws(CUDAError) in
        try adder.sumParts(gradients, squared: true, parts: parts, on: stream)
      },
      DeviceCase("adamw", "[\(count)]", DeviceWork(bytes: Double(7 * gradients.byteCount + rounded.byteCount))) {
        () throws(CUDAError) in
        try kernels.adamW(
          step, control: control, weights: weights, gradients: gradients, firstMoments: first,
          secondMoments: second, rounded: rounded, on: stream)
      },
    ]
  }

  // MARK: Arrays

  private func array(_ type: DeviceType, _ count: Int) throws(CUDAError) -> DeviceArray {
    try DeviceArray(device, type, count: count)
  }

  private func random(_ count: Int, _ type: DeviceType = .bfloat16) throws(CUDAError) -> DeviceArray {
    let array = try array(type, count)
    try ElementKernels(library: library).fillRandom(array, scale: 1, seed: 1, on: stream)
    return array
  }

  /// Few of the ids often, as tokens are, one of them very often.
  private static func ids(_ count: Int, below bound: Int) -> [Int32] {
    (0..<count).map { (index: Int) -> Int32 in
      if index % 20 == 0 { return 7 }
      let range = index % 2 == 0 ? bound : max(1, bound / 16)
      return Int32(index * 7919 % range)
    }
  }

  private func ids(_ count: Int, below bound: Int) throws(CUDAError) -> DeviceArray {
    let array = try array(.int32, count)
    try array.upload(Self.ids(count, below: bound), on: stream)
    return array
  }
}
