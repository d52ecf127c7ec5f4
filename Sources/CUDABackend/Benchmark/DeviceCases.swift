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
  let device: CUDADevice
  let stream: CUDAStream
  let cache: KernelCache
  let size: DeviceBenchmarkSize
  let chunkSize: Int

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
    let kernels = try AttentionKernels(shape, type: .bfloat16, device: device, cache: cache)
    let packed = try random(shape.rowCount * shape.packedWidth)
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
        shape, packed: packed, output: output, logSumExp: statistics, gradients: gradients, on: stream)
    }
    let keyGradient = {
      () throws(CUDAError) in
      try kernels.keyGradient(shape, packed: packed, logSumExp: statistics, gradients: gradients, on: stream)
    }
    let forward = {
      () throws(CUDAError) in
      try kernels.forward(shape, packed: packed, output: output, logSumExp: statistics, on: stream)
    }
    // What the backward pass reads has to be of the same call.
    try forward()
    try queryGradient()
    return [
      DeviceCase(
        "attention \(pattern) forward", size, work(shape, [.forward: 2], forward: true, bytes: rows),
        usage: try kernels.usage(.forward, shape), forward),
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
        usage: try kernels.usage(.queryGradient, shape), queryGradient),
      DeviceCase(
        "attention \(pattern) key gradient", size,
        work(
          shape, [.keyGradient: 4], forward: false,
          bytes: packed.byteCount + output.byteCount + written - written * shape.queryWidth / shape.packedWidth),
        usage: try kernels.usage(.keyGradient, shape), keyGradient),
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
    let kernels = try RotationKernels(shape, type: .bfloat16, device: device, cache: cache)
    let (packed, gradients) = (
      try random(shape.rowCount * shape.packedWidth), try random(shape.rowCount * shape.packedWidth)
    )
    let tableCount = shape.pattern.positionCount * shape.headWidth / 2
    let norms = try random(2 * shape.headWidth, .float32)
    let tables = RotationTables(
      cosines: try random(tableCount, .float32), sines: try random(tableCount, .float32), norms: nil, epsilon: 1e-6)
    let normed = RotationTables(
      cosines: tables.cosines, sines: tables.sines, norms: (norms, norms.from(shape.headWidth)), epsilon: 1e-6)
    let heads = packed.byteCount * (shape.headCount + shape.keyValueHeadCount) * shape.headWidth / shape.packedWidth
    let (name, stream) = ("[\(shape.rowCount), \(shape.packedWidth)]", stream)
    return [
      DeviceCase("rotation forward", name, DeviceWork(bytes: Double(2 * heads))) { () throws(CUDAError) in
        try kernels.forward(shape, packed: packed, tables: tables, rotated: packed, on: stream)
      },
      DeviceCase("rotation with norms forward", name, DeviceWork(bytes: Double(2 * heads))) { () throws(CUDAError) in
        try kernels.forward(shape, packed: packed, tables: normed, rotated: gradients, on: stream)
      },
      DeviceCase("rotation backward", name, DeviceWork(bytes: Double(2 * heads))) { () throws(CUDAError) in
        try kernels.backward(
          shape, packed: packed, tables: tables, gradients: gradients, normGradients: norms, on: stream)
      },
      DeviceCase("rotation with norms backward", name, DeviceWork(bytes: Double(3 * heads))) { () throws(CUDAError) in
        try kernels.backward(
          shape, packed: packed, tables: normed, gradients: gradients, normGradients: norms, on: stream)
      },
    ]
  }

  // MARK: Memory

  private func norms() throws(CUDAError) -> [DeviceCase] {
    let kernels = try NormKernels(
      width: width, residual: .float32, activation: .bfloat16, device: device, cache: cache)
    let count = rowCount * width
    let (x, sum) = (try random(count, .float32), try random(count, .float32))
    let (delta, output) = (try random(count), try random(count))
    let (weight, weightGradient) = (try random(width, .float32), try random(width, .float32))
    let (inverse, stream) = (try random(rowCount, .float32), stream)
    let bytes = Double(2 * x.byteCount + 2 * delta.byteCount)
    return [
      DeviceCase("norm forward", "[\(rowCount), \(width)]", DeviceWork(bytes: bytes)) { () throws(CUDAError) in
        try kernels.forward(
          x, plus: (delta, sum), weight: weight, epsilon: 1e-6, output: output, inverse: inverse, on: stream)
      },
      DeviceCase(
        "norm backward", "[\(rowCount), \(width)]", DeviceWork(bytes: Double(3 * x.byteCount + delta.byteCount))
      ) { () throws(CUDAError) in
        try kernels.backward(
          x, weight: weight, inverse: inverse, outputGradient: delta, sumGradient: sum, inputGradient: sum,
          weightGradient: weightGradient, on: stream)
      },
    ]
  }

  private func swiGLU() throws(CUDAError) -> [DeviceCase] {
    let (kernels, inner) = (try ElementKernels(.bfloat16, device: device, cache: cache), size.mlpWidth)
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
    let kernels = try ElementKernels(.bfloat16, device: device, cache: cache)
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
    let kernels = try RowKernels(source: .bfloat16, destination: .float32, device: device, cache: cache)
    let count = size.sampleCount * size.length
    let (table, packed) = (try random(size.vocabularySize * width), try random(count * width, .float32))
    let sums = try random(size.vocabularySize * width, .float32)
    let rows = Self.ids(count, below: size.vocabularySize)
    let (tokens, places) = (try ids(count, below: size.vocabularySize), try array(.int32, count))
    try places.upload((0..<Int32(count)).map { $0 }, on: stream)
    let segments = try RowSegments(destinationRows: rows, device: device, on: stream)
    let (source, width, stream) = (try random(count * width), width, stream)
    return [
      DeviceCase(
        "copy rows", "[\(count), \(width)]", DeviceWork(bytes: Double(source.byteCount + packed.byteCount))
      ) { () throws(CUDAError) in
        try kernels.copy(table, tokens, to: packed, places, width: width, on: stream)
      },
      DeviceCase(
        "add rows", "[\(count), \(width)]",
        DeviceWork(bytes: Double(source.byteCount + 2 * segments.segmentCount * width * 4))
      ) { () throws(CUDAError) in
        try kernels.add(source, to: sums, segments, width: width, on: stream)
      },
    ]
  }

  private func update() throws(CUDAError) -> [DeviceCase] {
    let kernels = try UpdateKernels(device: device, cache: cache)
    let count = size.parameterCount
    let (weights, gradients) = (try random(count, .float32), try random(count, .float32))
    let (first, second) = (try random(count, .float32), try array(.float32, count))
    try second.fill(byte: 0, on: stream)
    let (rounded, stream) = (try array(.bfloat16, count), stream)
    let step = AdamWStep(rate: 1e-3, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, decay: 0.1)
    try kernels.decide(gradients, scale: 1, maximumNorm: 1, largestNorm: .infinity, on: stream)
    return [
      DeviceCase("sum of squares", "[\(count)]", DeviceWork(bytes: Double(gradients.byteCount))) {
        () throws(CUDAError) in
        try kernels.sumOfSquares(gradients, on: stream)
      },
      DeviceCase("adamw", "[\(count)]", DeviceWork(bytes: Double(7 * gradients.byteCount + rounded.byteCount))) {
        () throws(CUDAError) in
        try kernels.adamW(
          step, corrections: (0.1, 0.05), weights: weights, gradients: gradients, firstMoments: first,
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
    try ElementKernels(type, device: device, cache: cache).fillRandom(array, scale: 1, seed: 1, on: stream)
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
