internal import Foundation
internal import HalfPrecision
internal import Randomness
internal import TensorCore

/// Runs each kernel on a small problem and compares what it gives with what the processor's kernels give.
struct DeviceChecks {
  let device: CUDADevice
  let stream: CUDAStream
  let cache: KernelCache
  let reference: HostReference

  /// Patterns with few and with many rows, cut chunks, groups of query heads, norms of heads.
  static let attentionShapes: [(shape: AttentionShape, hasNorms: Bool)] = [
    (attention(.staircase(globals: 9, locals: 129, chunk: 16)), false),
    (attention(.staircase(globals: 33, locals: 131, chunk: 4), keyValueHeadCount: 1), true),
    (attention(.staircase(globals: 27, locals: 131, chunk: 5), dropsFirstQueries: true), false),
    (attention(.staircase(globals: 9, locals: 129, chunk: 16), headWidth: 32), true),
    (attention(.staircase(globals: 9, locals: 129, chunk: 16), headWidth: 128), false),
    (attention(.blocks(leading: 2, length: 16), sequenceCount: 9), false),
    (attention(.blocks(leading: 2, length: 5), sequenceCount: 30, dropsFirstQueries: true), true),
    (attention(.causal(length: 150)), false),
    (attention(.causal(length: 70), keyValueHeadCount: 1), true),
    (attention(.window(length: 150, size: 37)), false),
  ]

  private static func attention(
    _ pattern: AttentionPattern, sequenceCount: Int = 2, keyValueHeadCount: Int = 2, headWidth: Int = 64,
    dropsFirstQueries: Bool = false
  ) -> AttentionShape {
    AttentionShape(
      pattern: pattern, sequenceCount: sequenceCount, headCount: 2, keyValueHeadCount: keyValueHeadCount,
      headWidth: headWidth, dropsFirstQueries: dropsFirstQueries)
  }

  func all() throws(CUDAError) -> [DeviceCheck] {
    var checks: [DeviceCheck] = []
    for type in [DeviceType.bfloat16, .float32] {
      for (shape, hasNorms) in Self.attentionShapes {
        checks += try attention(shape, hasNorms: hasNorms, type)
      }
      checks += try norm(type)
      checks += try swiGLU(type)
      checks += try crossEntropy(type)
      checks += try rows(type)
      checks += try product(type)
    }
    return try checks + update()
  }

  // MARK: Attention

  private func attention(
    _ shape: AttentionShape, hasNorms: Bool, _ type: DeviceType
  ) throws(CUDAError) -> [DeviceCheck] {
    let inputs = inputs(shape, hasNorms: hasNorms, type)
    let expected = reference.attention(inputs)
    let (packed, gradient) = (try array(inputs.packed, type), try array(inputs.outputGradient, type))
    let norms = try hasNorms ? array(inputs.norms, .float32) : nil
    let tables = RotationTables(
      cosines: try array(inputs.cosines, .float32), sines: try array(inputs.sines, .float32),
      norms: norms.map { ($0, $0.from(shape.headWidth)) }, epsilon: AttentionInputs.epsilon)
    let rotation = try RotationKernels(shape, type: type, device: device, cache: cache)
    let kernels = try AttentionKernels(shape, type: type, device: device, cache: cache)
    let rotated = try array(inputs.packed, type)
    try rotation.forward(shape, packed: packed, tables: tables, rotated: rotated, on: stream)
    let output = try poisoned(gradient.count, type)
    let statistics = try poisoned(shape.headCount * shape.queryRows.count, .float32)
    try kernels.forward(shape, packed: rotated, output: output, logSumExp: statistics, on: stream)
    // Query columns of rows without queries stay as they are.
    let gradients = AttentionGradients(
      output: gradient, packed: try zeros(packed.count, type), deltas: try poisoned(statistics.count, .float32))
    try kernels.backward(
      shape, packed: rotated, output: output, logSumExp: statistics, gradients: gradients, on: stream)
    let normGradients = try zeros(2 * shape.headWidth, .float32)
    try rotation.backward(
      shape, packed: packed, tables: tables, gradients: gradients.packed, normGradients: normGradients, on: stream)
    let name = "attention \(shape.pattern), \(shape.headCount)/\(shape.keyValueHeadCount) heads of \(shape.headWidth)"
    return [
      // Rounded on the way: rotated queries and keys, weights, output.
      try check(name, output, expected.output, roundings: 4),
      // And output gradients' part in deltas, gradients of scores, of rotated heads, of heads.
      try check("\(name), gradient", gradients.packed, expected.packedGradient, roundings: 8),
    ] + (hasNorms ? [try check("\(name), norms", normGradients, expected.normGradients, roundings: 8, of: type)] : [])
  }

  private func inputs(_ shape: AttentionShape, hasNorms: Bool, _ type: DeviceType) -> AttentionInputs {
    let (count, half) = (shape.pattern.positionCount, shape.headWidth / 2)
    let angles = (0..<count * half).map { index in
      Float(index / half) * powf(10_000, -Float(index % half) / Float(half))
    }
    return AttentionInputs(
      shape: shape, packed: values(shape.rowCount * shape.packedWidth, seed: 1, type),
      outputGradient: values(shape.queryRows.count * shape.queryWidth, seed: 2, type), cosines: angles.map { cosf($0) },
      sines: angles.map { sinf($0) }, norms: hasNorms ? values(2 * shape.headWidth, seed: 3, .float32) : [])
  }

  // MARK: Rows and elements

  private func norm(_ type: DeviceType) throws(CUDAError) -> [DeviceCheck] {
    let (rowCount, width, epsilon): (Int, Int, Float) = (301, 776, 1e-6)
    let count = rowCount * width
    let (x, sumGradient) = (values(count, seed: 1, .float32), values(count, seed: 2, .float32))
    let (delta, gradient) = (values(count, seed: 3, type), values(count, seed: 4, type))
    let weight = values(width, seed: 5, .float32)
    let expected = reference.norm(
      x, plus: delta, weight: weight, epsilon: epsilon, outputGradient: gradient, sumGradient: sumGradient)
    let kernels = try NormKernels(width: width, residual: .float32, activation: type, device: device, cache: cache)
    let (sum, output) = (try poisoned(count, .float32), try poisoned(count, type))
    let (inverse, weights) = (try poisoned(rowCount, .float32), try array(weight, .float32))
    try kernels.forward(
      try array(x, .float32), plus: (try array(delta, type), sum), weight: weights, epsilon: epsilon, output: output,
      inverse: inverse, on: stream)
    let (inputGradient, weightGradient) = (try array(sumGradient, .float32), try zeros(width, .float32))
    try kernels.backward(
      sum, weight: weights, inverse: inverse, outputGradient: try array(gradient, type), sumGradient: inputGradient,
      inputGradient: inputGradient, weightGradient: weightGradient, on: stream)
    return [
      try check("norm, sum", sum, expected.sum, roundings: 1),
      try check("norm", output, expected.output, roundings: 1),
      try check("norm, gradient", inputGradient, expected.inputGradient, roundings: 1),
      try check("norm, weight gradient", weightGradient, expected.weightGradient, roundings: 1),
    ]
  }

  private func swiGLU(_ type: DeviceType) throws(CUDAError) -> [DeviceCheck] {
    let (rowCount, width) = (130, 264)
    let gateUp = values(rowCount * 2 * width, seed: 1, type)
    let gradient = values(rowCount * width, seed: 2, type)
    let expected = reference.swiGLU(gateUp, outputGradient: gradient, width: width)
    let kernels = try ElementKernels(type, device: device, cache: cache)
    let input = try array(gateUp, type)
    let (output, again) = (try poisoned(gradient.count, type), try poisoned(gradient.count, type))
    try kernels.swiGLU(input, output: output, width: width, on: stream)
    try kernels.swiGLUBackward(
      input, outputGradient: try array(gradient, type), gateUpGradient: input, output: again, width: width, on: stream)
    return [
      try check("swiglu", output, expected.output, roundings: 1),
      try check("swiglu, gradient", input, expected.gradient, roundings: 1),
      try check("swiglu, output again", again, expected.output, roundings: 1),
    ]
  }

  private func crossEntropy(_ type: DeviceType) throws(CUDAError) -> [DeviceCheck] {
    let (rowCount, columnCount) = (37, 5000)
    let logits = values(rowCount * columnCount, seed: 1, type).map { $0 * 4 }
    let targets = (0..<rowCount).map { Int32($0 * 131 % columnCount) }
    let expected = reference.crossEntropy(logits, targets: targets, gradientScale: 0.5)
    let (changed, losses) = (try array(logits, type), try poisoned(rowCount, .float32))
    let places = try DeviceArray(device, .int32, count: rowCount)
    try places.upload(targets, on: stream)
    let kernels = try ElementKernels(type, device: device, cache: cache)
    try kernels.crossEntropy(changed, targets: places, losses: losses, gradientScale: 0.5, on: stream)
    return [
      try check("cross-entropy", losses, expected.losses, roundings: 1),
      try check("cross-entropy, gradient", changed, expected.gradient, roundings: 1),
    ]
  }

  private func rows(_ type: DeviceType) throws(CUDAError) -> [DeviceCheck] {
    let (tableRows, width, count) = (50, 264, 400)
    let table = values(tableRows * width, seed: 1, type)
    // Some rows never, one very often.
    let rows = (0..<count).map { Int32($0 % 3 == 0 ? 7 : $0 * 17 % (tableRows - 3)) }
    let expected = reference.rows(table, rows, width: width)
    let kernels = try RowKernels(source: type, destination: .float32, device: device, cache: cache)
    let (indices, places) = (
      try DeviceArray(device, .int32, count: count), try DeviceArray(device, .int32, count: count)
    )
    try indices.upload(rows, on: stream)
    try places.upload((0..<Int32(count)).map { $0 }, on: stream)
    let (gathered, sums) = (try poisoned(count * width, .float32), try zeros(tableRows * width, .float32))
    try kernels.copy(try array(table, type), indices, to: gathered, places, width: width, on: stream)
    let segments = try RowSegments(destinationRows: rows, device: device, on: stream)
    try kernels.add(try array(expected.gathered, type), to: sums, segments, width: width, on: stream)
    return [
      try check("rows gathered", gathered, expected.gathered, roundings: 0),
      try check("rows added", sums, expected.added, roundings: 1),
    ]
  }

  private func product(_ type: DeviceType) throws(CUDAError) -> [DeviceCheck] {
    let (m, n, k) = (136, 72, 200)
    let (a, b) = (values(m * k, seed: 1, type), values(n * k, seed: 2, type))
    let c = try poisoned(m * n, .float32)
    try DeviceProducts(device).multiply(
      try array(a, type), try array(b, type), bTransposed: true, into: c, m: m, n: n, k: k, on: stream)
    return [try check("product in \(type.rawValue)", c, reference.product(a, b, m: m, n: n), roundings: 1)]
  }

  // MARK: Update

  private func update() throws(CUDAError) -> [DeviceCheck] {
    let count = 10_004
    let (weights, gradients) = (values(count, seed: 1, .float32), values(count, seed: 2, .float32))
    let (first, second) = (values(count, seed: 3, .float32), values(count, seed: 4, .float32).map { abs($0) })
    let (scale, largest): (Float, Float) = (0.25, 1)
    let norm = reference.sumOfSquares(gradients).squareRoot() * Double(scale)
    let factor = scale * Float(min(1, Double(largest) / (norm + 1e-6)))
    let step = AdamWStep(rate: 1e-3, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, decay: 0.1)
    let control = UpdateControl(gradientScale: Double(factor), correction1: 0.19, correction2: 0.0975)
    let expected = reference.adamW(
      step, control, weights: weights, gradients: gradients, firstMoments: first, secondMoments: second)
    let kernels = try UpdateKernels(device: device, cache: cache)
    let gradient = try array(gradients, .float32)
    let state = (try array(weights, .float32), try array(first, .float32), try array(second, .float32))
    let rounded = try poisoned(count, .bfloat16)
    try kernels.decide(gradient, scale: scale, maximumNorm: largest, largestNorm: .infinity, on: stream)
    let decided = try kernels.decided(on: stream)
    let run = { () throws(CUDAError) in
      try kernels.adamW(
        step, corrections: (0.19, 0.0975), weights: state.0, gradients: gradient, firstMoments: state.1,
        secondMoments: state.2, rounded: rounded, on: stream)
    }
    try run()
    var checks = [
      DeviceCheck(name: "norm of gradients", error: abs(decided.norm / norm - 1), bound: Self.bound(1, .float32)),
      try check("adamw, weights", state.0, expected.weights, roundings: 1),
      try check("adamw, first moments", state.1, expected.firstMoments, roundings: 1),
      try check("adamw, second moments", state.2, expected.secondMoments, roundings: 1),
      try check("adamw, rounded weights", rounded, expected.weights, roundings: 1),
    ]
    // A norm above the largest one that is allowed changes nothing.
    try kernels.decide(gradient, scale: scale, maximumNorm: largest, largestNorm: Float(norm) / 2, on: stream)
    try run()
    checks.append(try check("adamw, skipped", state.0, expected.weights, roundings: 1))
    return checks
  }

  // MARK: Values

  /// About normal numbers that the type holds exactly.
  private func values(_ count: Int, seed: UInt64, _ type: DeviceType) -> [Float] {
    var generator = CounterGenerator(seed: seed, stream: .task)
    return (0..<count).map { _ in
      let value = Float(generator.normal())
      return type == .bfloat16 ? BFloat16.rounded(value) : value
    }
  }

  private func array(_ values: [Float], _ type: DeviceType) throws(CUDAError) -> DeviceArray {
    let array = try DeviceArray(device, type, count: values.count)
    try array.upload(values, on: stream)
    return array
  }

  private func zeros(_ count: Int, _ type: DeviceType) throws(CUDAError) -> DeviceArray {
    let array = try DeviceArray(device, type, count: count)
    try array.fill(byte: 0, on: stream)
    return array
  }

  /// Not a number everywhere: what a kernel leaves out shows.
  private func poisoned(_ count: Int, _ type: DeviceType) throws(CUDAError) -> DeviceArray {
    let array = try DeviceArray(device, type, count: count)
    try array.fill(byte: 0xff, on: stream)
    return array
  }

  /// - Parameter type: of what was rounded on the way; nil for the array's own.
  private func check(
    _ name: String, _ array: DeviceArray, _ expected: [Float], roundings: Int, of type: DeviceType? = nil
  ) throws(CUDAError) -> DeviceCheck {
    let (actual, type) = (try array.download(on: stream), type ?? array.type)
    return DeviceCheck(
      name: "\(name) (\(type.rawValue))", error: relativeError(actual, expected), bound: Self.bound(roundings, type))
  }

  /// Rounding to bfloat16 changes a value by 2⁻⁹ of it at most; sums in single precision, and functions that are a few
  /// units in the last place off, are given 2⁻¹⁸.
  private static func bound(_ roundings: Int, _ type: DeviceType) -> Double {
    Double(roundings) * (type == .bfloat16 ? 0x1p-9 : 0x1p-18)
  }

  private func relativeError(_ actual: [Float], _ expected: [Float]) -> Double {
    var (difference, whole) = (0.0, 0.0)
    for (a, e) in zip(actual, expected) {
      difference += (Double(a) - Double(e)) * (Double(a) - Double(e))
      whole += Double(e) * Double(e)
    }
    let error = (difference / max(whole, .leastNormalMagnitude)).squareRoot()
    return error.isNaN || actual.count != expected.count ? .infinity : error
  }
}
