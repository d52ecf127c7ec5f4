import CPUBackend
import ReferenceBackend
import TensorCore
import Testing

private func rounded(_ values: [Float]) -> [Float] { values.map { rounded($0) } }

/// Values of a tensor of either type.
private func values(_ tensor: Tensor) -> [Float] {
  guard tensor.dtype == .bfloat16 else { return floats(tensor) }
  return tensor.withReadView { bytes in
    bytes.bindMemory(to: UInt16.self).map { Float(bitPattern: UInt32($0) << 16) }
  }
}

extension CPUBackend {
  /// A tensor that holds `values`, rounded if its type asks for it.
  fileprivate func stored(_ values: [Float], _ shape: [Int], as dtype: DType) -> Tensor {
    guard dtype == .bfloat16 else { return tensor(values, shape, on: self) }
    let result = Tensor(
      storage: pool.storage(byteCount: values.count * dtype.byteCount), shape: shape, dtype: dtype)
    result.withWriteView { bytes in
      let halves = bytes.bindMemory(to: UInt16.self)
      for (index, value) in rounded(values).enumerated() { halves[index] = UInt16(value.bitPattern >> 16) }
    }
    return result
  }

  /// Rounded test values, in single precision or stored as bfloat16.
  fileprivate func random(_ shape: [Int], seed: UInt64, scale: Float = 1, as dtype: DType) -> Tensor {
    stored(rounded(testValues(count: shape.reduce(1, *), seed: seed, scale: scale)), shape, as: dtype)
  }
}

struct StoredBFloat16Tests {
  static let types: [(a: DType, b: DType)] = [
    (.bfloat16, .float32), (.float32, .bfloat16), (.bfloat16, .bfloat16),
  ]
  /// Odd ones, some that packing would leave as they lie, and some that are shared among threads.
  static let sizes = RoundedProductTests.sizes + RoundedProductTests.sharedSizes + [(70, 90, 32), (50, 65, 768)]

  @Test(arguments: RoundedConfiguration.all, types)
  func `products of stored operands are those of the same values in single precision`(
    in configuration: RoundedConfiguration, types: (a: DType, b: DType)
  ) {
    let backend = configuration.backend(threadCount: 2)
    for (m, n, depth) in Self.sizes {
      for transposes in RoundedProductTests.transposes {
        let results = [types, (.float32, .float32)].map { (types: (a: DType, b: DType)) in
          let a = backend.random(transposes.a ? [depth, m] : [m, depth], seed: 1, as: types.a)
          let b = backend.random(transposes.b ? [n, depth] : [depth, n], seed: 2, as: types.b)
          let c = backend.random([m, n], seed: 3, as: .float32)
          backend.multiply(
            transposes.a ? Matrix(a).transposed : Matrix(a), transposes.b ? Matrix(b).transposed : Matrix(b),
            into: Matrix(c), scale: 0.75, accumulate: true)
          return floats(c).map(\.bitPattern)
        }
        #expect(results[0] == results[1], "\(m) × \(n) × \(depth), transposes \(transposes)")
      }
    }
  }

  @Test(arguments: RoundedConfiguration.all, [(DType.float32, DType.float32)] + types)
  func `a product without depth clears or leaves what it is added to`(
    in configuration: RoundedConfiguration, types: (a: DType, b: DType)
  ) {
    let backend = configuration.backend()
    for (m, n, type) in [(0, 3, DType.float32), (3, 0, .float32), (4, 70, .float32), (5, 66, .bfloat16)] {
      for accumulated in type == .float32 ? [false, true] : [false] {
        // Its surroundings stay as they are.
        let c = backend.random([m + 2, n + 3], seed: 6, as: type)
        var expected = values(c)
        if !accumulated { for row in 1..<m + 1 { for column in 2..<n + 2 { expected[row * (n + 3) + column] = 0 } } }
        backend.multiply(
          Matrix(backend.random([m, 0], seed: 7, as: types.a)), Matrix(backend.random([0, n], seed: 8, as: types.b)),
          into: Matrix(c).part(rows: 1..<m + 1, columns: 2..<n + 2), scale: 1, accumulate: accumulated)
        #expect(values(c) == expected, "\(m) × \(n) of \(type), accumulated \(accumulated)")
      }
    }
  }

  @Test(arguments: RoundedConfiguration.all, [DType.float32, .bfloat16])
  func `views of stored operands are multiplied wherever they begin`(
    in configuration: RoundedConfiguration, type: DType
  ) {
    let backend = configuration.backend()
    for (first, margin) in [(0, 0), (2, 6), (3, 5), (1, 2)] {
      let results = [type, .float32].map { (type: DType) in
        let a = backend.random([12, 64 + first + margin], seed: 1, as: type)
        let b = backend.random([20, 64 + first + margin], seed: 2, as: type)
        let c = backend.random([10, 20], seed: 3, as: .float32)
        let columns = first..<first + 64
        backend.multiply(
          Matrix(a).part(rows: 1..<11, columns: columns), Matrix(b).part(rows: 0..<20, columns: columns).transposed,
          into: Matrix(c), scale: 1, accumulate: false)
        return floats(c).map(\.bitPattern)
      }
      #expect(results[0] == results[1], "columns from \(first), \(margin) behind them")
    }
  }

  @Test(arguments: RoundedConfiguration.all)
  func `a stored result is rounded once, for any number of threads`(in configuration: RoundedConfiguration) {
    for (m, n, depth) in Self.sizes + [(4, 5, 0)] {
      let results = (1...3).map { threadCount in
        let backend = configuration.backend(threadCount: threadCount)
        let (a, b) = (
          backend.random([m, depth], seed: 1, as: .float32), backend.random([n, depth], seed: 2, as: .bfloat16)
        )
        let c = backend.stored([Float](repeating: .nan, count: m * n + 3), [m * n + 3], as: .bfloat16)
        let matrix = Matrix(storage: c.storage, offset: 2, rowCount: m, columnCount: n, stride: n, dtype: .bfloat16)
        backend.multiply(Matrix(a), Matrix(b).transposed, into: matrix, scale: 1, accumulate: false)
        let all = values(c)
        #expect(all[..<2].allSatisfy(\.isNaN) && all[(m * n + 2)...].allSatisfy(\.isNaN), "surroundings")
        return Array(all[2..<m * n + 2])
      }
      let reference = ReferenceBackend()
      let single = reference.random([m, n], seed: 3)
      let operands = zip([[m, depth], [n, depth]], [UInt64(1), 2]).map { shape, seed in
        tensor(rounded(testValues(count: shape[0] * shape[1], seed: seed)), shape, on: reference)
      }
      reference.multiply(
        Matrix(operands[0]), Matrix(operands[1]).transposed, into: Matrix(single), scale: 1, accumulate: false)
      for result in results { #expect(result == results[0], "\(m) × \(n) × \(depth)") }
      for (found, expected) in zip(results[0], floats(single)) {
        #expect(abs(found - expected) <= abs(expected) / 256 + 1e-5, "\(m) × \(n) × \(depth)")
      }
    }
  }

  @Test(arguments: RoundedConfiguration.all)
  func `gates give in stored values what they give in single precision, rounded`(
    in configuration: RoundedConfiguration
  ) {
    let backend = configuration.backend()
    for (rows, width) in SwiGLUTests.sizes {
      let results = [DType.bfloat16, .float32].map { type in
        let gateUp = backend.random([rows, 2 * width], seed: 1, scale: 4, as: type)
        let outputGradient = backend.random([rows, width], seed: 2, as: type)
        let output = backend.random([rows, width], seed: 3, as: type)
        let again = backend.random([rows, width], seed: 4, as: type)
        backend.swiGLU(gateUp, output: output)
        backend.swiGLUBackward(gateUp, outputGradient: outputGradient, gateUpGradient: gateUp, output: again)
        return [output, again, gateUp].map { rounded(values($0)) }
      }
      #expect(results[0] == results[1], "\(rows) × \(width)")
      #expect(results[0][0] == results[0][1], "\(rows) × \(width)")
    }
  }

  @Test(arguments: RoundedConfiguration.all)
  func `norms give in stored values what they give in single precision, rounded`(
    in configuration: RoundedConfiguration
  ) {
    let backend = configuration.backend()
    for (rows, width) in NormTests.sizes {
      let results = [DType.bfloat16, .float32].map { type in
        let x = backend.random([rows, width], seed: 1, as: .float32)
        let weight = backend.random([width], seed: 2, as: .float32)
        let (output, inverse) = (
          backend.random([rows, width], seed: 3, as: type), backend.random([rows], seed: 4, as: .float32)
        )
        backend.rmsNorm(x, plus: nil, weight: weight, epsilon: 1e-5, sum: nil, output: output, inverse: inverse)
        let gradients = [[rows, width], [width]].map { backend.random($0, seed: 5, as: .float32) }
        backend.rmsNormBackward(
          x, weight: weight, inverse: inverse, outputGradient: backend.random([rows, width], seed: 6, as: type),
          sumGradient: nil, inputGradient: gradients[0], weightGradient: gradients[1])
        return [rounded(values(output)), floats(gradients[0]), floats(gradients[1])]
      }
      #expect(results[0] == results[1], "\(rows) × \(width)")
    }
  }

  @Test(arguments: AttentionCase.all, RoundedConfiguration.all)
  func `attention gives in stored values what it gives in single precision, rounded`(
    _ problem: AttentionCase, in configuration: RoundedConfiguration
  ) {
    let backend = configuration.backend(threadCount: 2)
    let shape = problem.shape
    let inputs = AttentionValues(problem)
    let tables = problem.tables(inputs, on: backend)
    let outputShape = [shape.queryRows.count, shape.queryWidth]
    let results = [DType.bfloat16, .float32].map { type in
      func filled(_ shape: [Int], _ value: Float, as type: DType) -> Tensor {
        backend.stored([Float](repeating: value, count: shape.reduce(1, *)), shape, as: type)
      }
      let packed = backend.stored(rounded(inputs.packed), [shape.rowCount, shape.packedWidth], as: type)
      let output = filled(outputShape, .nan, as: type)
      let logSumExp = filled([shape.queryRows.count, shape.headCount], .nan, as: .float32)
      backend.attention(packed, shape: shape, tables: tables, output: output, logSumExp: logSumExp)
      // The backward pass reads what the forward pass stored.
      let kept = backend.stored(rounded(values(output)), outputShape, as: type)
      let packedGradient = filled(packed.shape, AttentionResults.untouched, as: type)
      let normGradients = (0..<2).map { _ in filled([shape.headWidth], 0.25, as: .float32) }
      backend.attentionBackward(
        packed, shape: shape, tables: tables, output: kept, logSumExp: logSumExp,
        outputGradient: backend.stored(rounded(inputs.outputGradient), outputShape, as: type),
        packedGradient: packedGradient, queryNormGradient: problem.hasNorms ? normGradients[0] : nil,
        keyNormGradient: problem.hasNorms ? normGradients[1] : nil)
      return [rounded(values(output)), floats(logSumExp), rounded(values(packedGradient))]
        + normGradients.map { floats($0) }
    }
    #expect(results[0] == results[1])
  }

  @Test func `what products read is stored in their operands' type`() {
    #expect(TapeTypes(CPUBackend(threadCount: 1).precision).activations == .float32)
    #expect(TapeTypes(CPUBackend(threadCount: 1, precision: .bfloat16).precision).activations == .bfloat16)
  }
}
