internal import Foundation
internal import HalfPrecision
internal import Randomness
internal import TensorCore

/// Runs each kernel on a small problem and compares what it gives with what the processor's kernels give.
struct DeviceChecks {
  let library: KernelLibrary
  let stream: CUDAStream
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

  private var device: CUDADevice { library.device }

  func all() throws(CUDAError) -> [DeviceCheck] {
    var checks: [DeviceCheck] = []
    for type in [DeviceType.bfloat16, .float32] {
      for (shape, hasNorms) in Self.attentionShapes {
        checks += try attention(shape, hasNorms: hasNorms, type)
      }
      // Widths of the fast kernels, and widths of the plain ones.
      for width in [776, 97] { checks += try norm(type, width: width) }
      for width in [264, 51] { checks += try swiGLU(type, width: width) }
      for width in [5000, 97] { checks += try crossEntropy(type, columnCount: width) }
      checks += try product(type)
    }
    for width in [264, 51] { checks += try rows(width: width) }
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
    let rotation = RotationKernels(shape, type: type, library: library)
    let kernels = AttentionKernels(shape, type: type, library: library)
    let width = shape.queryWidth + shape.heads.keyValueWidth
    let rotated = try poisoned(shape.rowCount * width, type)
    try rotation.forward(packed: packed, tables: tables, rotated: rotated, stride: width, on: stream)
    let rows = AttentionRows(packed: packed, rotated: (rotated, width), shape: shape)
    let output = try poisoned(gradient.count, type)
    let statistics = try poisoned(shape.headCount * shape.queryRows.count, .float32)
    try kernels.forward(rows, output: output, logSumExp: statistics, on: stream)
    // Query columns of rows without queries stay as they are.
    let gradients = AttentionGradients(
      output: gradient, packed: try zeros(packed.count, type), deltas: try poisoned(statistics.count, .float32))
    try kernels.backward(rows, output: output, logSumExp: statistics, gradients: gradients, on: stream)
    let normGradients = try zeros(2 * shape.headWidth, .float32)
    try rotation.backward(
      packed: packed, tables: tables, gradients: gradients.packed,
      normGradients: (normGradients, normGradients.from(shape.headWidth)),
      parts: try poisoned(RotationKernels.partCount(headWidth: shape.headWidth), .float32), on: stream)
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

  private func norm(_ type: DeviceType, width: Int) throws(CUDAError) -> [DeviceCheck] {
    let (rowCount, epsilon): (Int, Float) = (301, 1e-6)
    let count = rowCount * width
    let (x, sumGradient) = (values(count, seed: 1, .float32), values(count, seed: 2, .float32))
    let (delta, gradient) = (values(count, seed: 3, .float32), values(count, seed: 4, type))
    let weight = values(width, seed: 5, .float32)
    let expected = reference.norm(
      x, plus: delta, weight: weight, epsilon: epsilon, outputGradient: gradient, sumGradient: sumGradient)
    let kernels = NormKernels(width: width, delta: .float32, activation: type, library: library)
    let (sum, output) = (try poisoned(count, .float32), try poisoned(count, type))
    let (inverse, weights) = (try poisoned(rowCount, .float32), try array(weight, .float32))
    try kernels.forward(
      try array(x, .float32), plus: (try array(delta, .float32), sum), weight: weights, epsilon: epsilon,
      output: output,
      inverse: inverse, on: stream)
    let (inputGradient, weightGradient) = (try array(sumGradient, .float32), try zeros(width, .float32))
    let partCount = NormKernels.partCount(
      rowCount: rowCount, multiprocessorCount: device.multiprocessorCount)
    try kernels.backward(
      sum, weight: weights, inverse: inverse, outputGradient: try array(gradient, type), sumGradient: inputGradient,
      inputGradient: inputGradient, weightGradient: weightGradient,
      parts: try poisoned(partCount * width, .float32), on: stream)
    return [
      try check("norm \(width) wide, sum", sum, expected.sum, roundings: 1),
      try check("norm \(width) wide", output, expected.output, roundings: 1),
      try check("norm \(width) wide, gradient", inputGradient, expected.inputGradient, roundings: 1),
      try check("norm \(width) wide, weight gradient", weightGradient, expected.weightGradient, roundings: 1),
    ]
  }

  private func swiGLU(_ type: DeviceType, width: Int) throws(CUDAError) -> [DeviceCheck] {
    let rowCount = 130
    let gateUp = values(rowCount * 2 * width, seed: 1, type)
    let gradient = values(rowCount * width, seed: 2, type)
    let expected = reference.swiGLU(gateUp, outputGradient: gradient, width: width)
    let kernels = ElementKernels(library: library)
    let input = try array(gateUp, type)
    let (output, again) = (try poisoned(gradient.count, type), try poisoned(gradient.count, type))
    try kernels.swiGLU(input, output: output, width: width, on: stream)
    try kernels.swiGLUBackward(
      input, outputGradient: try array(gradient, type), gateUpGradient: input, output: again, width: width, on: stream)
    return [
      try check("swiglu \(width) wide", output, expected.output, roundings: 1),
      try check("swiglu \(width) wide, gradient", input, expected.gradient, roundings: 1),
      try check("swiglu \(width) wide, output again", again, expected.output, roundings: 1),
    ]
  }

  private func crossEntropy(_ type: DeviceType, columnCount: Int) throws(CUDAError) -> [DeviceCheck] {
    let rowCount = 37
    let logits = values(rowCount * columnCount, seed: 1, type).map { $0 * 4 }
    let targets = (0..<rowCount).map { $0 == 5 ? -1 : Int32($0 * 131 % columnCount) }
    let expected = reference.crossEntropy(logits, targets: targets, gradientScale: 0.5)
    let (changed, losses) = (try array(logits, type), try poisoned(rowCount, .float32))
    let places = try DeviceArray(device, .int32, count: rowCount)
    try places.upload(targets, on: stream)
    let kernels = ElementKernels(library: library)
    try kernels.crossEntropy(changed, targets: places, losses: losses, gradientScale: 0.5, on: stream)
    return [
      try check("cross-entropy over \(columnCount)", losses, expected.losses, roundings: 1),
      try check("cross-entropy over \(columnCount), gradient", changed, expected.gradient, roundings: 1),
    ]
  }

  private func rows(width: Int) throws(CUDAError) -> [DeviceCheck] {
    let (tableRows, count) = (300, 5000)
    let table = values(tableRows * width, seed: 1, .float32)
    // Some rows never, one very often.
    let rows = (0..<count).map { Int32($0 % 3 == 0 ? 7 : $0 * 17 % (tableRows - 3)) }
    let expected = reference.rows(table, rows, width: width)
    let kernels = RowKernels(library: library)
    let indices = try DeviceArray(device, .int32, count: count)
    try indices.upload(rows, on: stream)
    let (gathered, sums) = (try poisoned(count * width, .float32), try zeros(tableRows * width, .float32))
    try kernels.copy(try array(table, .float32), indices, to: gathered, nil, width: width, count: count, on: stream)
    try kernels.add(
      gathered, nil, to: sums, indices, width: width, rowCount: tableRows, count: count,
      scratch: try DeviceArray(device, .int32, count: RowKernels.scratchCount(count)), on: stream)
    return [
      try check("rows gathered, \(width) wide", gathered, expected.gathered, roundings: 0),
      // In the same order as on the processor.
      try check("rows added, \(width) wide", sums, expected.added, roundings: 0),
    ]
  }

  private func product(_ type: DeviceType) throws(CUDAError) -> [DeviceCheck] {
    let (m, n, k) = (136, 72, 200)
    let (a, b) = (values(m * k, seed: 1, type), values(n * k, seed: 2, type))
    let c = try poisoned(m * n, .float32)
    try DeviceProducts(library).multiply(
      DeviceMatrix(try array(a, type), rowCount: m, columnCount: k),
      DeviceMatrix(try array(b, type), rowCount: n, columnCount: k).transposed,
      into: DeviceMatrix(c, rowCount: m, columnCount: n), on: stream)
    return [try check("product in \(type.rawValue)", c, reference.product(a, b, m: m, n: n), roundings: 1)]
  }

  // MARK: Update

  private func update() throws(CUDAError) -> [DeviceCheck] {
    let count = 10_004
    let (weights, gradients) = (values(count, seed: 1, .float32), values(count, seed: 2, .float32))
    let (first, second) = (values(count, seed: 3, .float32), values(count, seed: 4, .float32).map { abs($0) })
    let squares = reference.sumOfSquares(gradients)
    let decision = UpdateDecision(
      targetCount: 3, clipNorm: 1, lossThreshold: 9, beta1: 0.9, beta2: 0.95)
    let step = AdamWStep(rate: 1e-3, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, decay: 0.1)
    let known = reference.decided(decision, lossSum: 6, squares: squares, updateCount: 4)
    let expected = reference.adamW(
      step, known, weights: weights, gradients: gradients, firstMoments: first, secondMoments: second)
    let (kernels, adder) = (UpdateKernels(library: library), SumKernels(library: library))
    let gradient = try array(gradients, .float32)
    let state = (try array(weights, .float32), try array(first, .float32), try array(second, .float32))
    let rounded = try poisoned(count, .bfloat16)
    let parts = try DeviceArray(device, .float64, count: SumKernels.partCount)
    let (sums, control) = (
      try doubles([6, 0]),
      try doubles(
        UpdateControl(
          gradientScale: 0, correction1: 0, correction2: 0, updateCount: 4
        ).values)
    )
    try adder.add(gradient, squared: true, parts: parts, to: sums.from(1), on: stream)
    try kernels.decide(decision, sums: sums, control: control, on: stream)
    let decided = try control.downloadDoubles(on: stream)
    let run = { () throws(CUDAError) in
      try kernels.adamW(
        step, control: control, weights: state.0, gradients: gradient, firstMoments: state.1, secondMoments: state.2,
        rounded: rounded, on: stream)
    }
    try run()
    let differences = zip(decided, known.values).map { abs($0 - $1) / max(1, abs($1)) }
    var checks = [
      DeviceCheck(name: "decided update", error: differences.max() ?? .infinity, bound: 1e-12),
      try check("adamw, weights", state.0, expected.weights, roundings: 1),
      try check("adamw, first moments", state.1, expected.firstMoments, roundings: 1),
      try check("adamw, second moments", state.2, expected.secondMoments, roundings: 1),
      try check("adamw, rounded weights", rounded, expected.weights, roundings: 1),
    ]
    // A loss that stands out changes nothing.
    try kernels.decide(decision, sums: try doubles([30, squares]), control: control, on: stream)
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

  private func doubles(_ values: [Double]) throws(CUDAError) -> DeviceArray {
    let array = try DeviceArray(device, .float64, count: values.count)
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
