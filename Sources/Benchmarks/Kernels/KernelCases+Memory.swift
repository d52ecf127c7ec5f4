internal import Randomness
internal import TensorCore

// Kernels that memory bounds. What a step reads and writes in place is timed in place.
extension KernelCases {
  private var rowCount: Int { sizes.rowCount }
  private var width: Int { sizes.decoder.width }

  private func name(_ shape: Int...) -> String { "\(shape)" }

  func norms() -> [KernelCase] {
    let count = rowCount * width
    let tensors = (0..<4).map { _ in filled(rowCount, width) }
    let (weight, weightGradient, inverse) = (filled(width), filled(width), filled(rowCount))
    let backend = backend
    return [
      KernelCase("norm forward", name(rowCount, width), bytes(4, of: count)) {
        backend.rmsNorm(
          tensors[0], plus: tensors[1], weight: weight, epsilon: 1e-6, sum: tensors[2], output: tensors[3],
          inverse: inverse)
      },
      KernelCase("norm backward", name(rowCount, width), bytes(4, of: count)) {
        backend.rmsNormBackward(
          tensors[0], weight: weight, inverse: inverse, outputGradient: tensors[1], sumGradient: tensors[2],
          inputGradient: tensors[3], weightGradient: weightGradient)
      },
    ]
  }

  func swiGLU() -> [KernelCase] {
    let inner = sizes.decoder.mlpWidth
    let (gateUp, gateUpGradient) = (filled(rowCount, 2 * inner), filled(rowCount, 2 * inner))
    let (output, outputGradient) = (filled(rowCount, inner), filled(rowCount, inner))
    let backend = backend
    return [
      KernelCase("swiglu forward", name(rowCount, inner), bytes(3, of: rowCount * inner)) {
        backend.swiGLU(gateUp, output: output)
      },
      KernelCase("swiglu backward", name(rowCount, inner), bytes(5, of: rowCount * inner)) {
        backend.swiGLUBackward(gateUp, outputGradient: outputGradient, gateUpGradient: gateUpGradient)
      },
    ]
  }

  func loss() -> [KernelCase] {
    let (R, V) = (sizes.logitRowCount, sizes.vocabularySize)
    let (logits, losses) = (filled(R, V), filled(R))
    let targets = Tensor(indices: ids(R, below: V), pool: backend.pool)
    let columns = Tensor(indices: ids(R, below: V), pool: backend.pool)
    let backend = backend
    return [
      KernelCase("cross-entropy", name(R, V), bytes(1, of: R * V)) {
        backend.crossEntropy(logits, targets: targets, losses: losses, gradientScale: nil)
      },
      KernelCase("cross-entropy with gradient", name(R, V), bytes(2, of: R * V)) {
        backend.crossEntropy(logits, targets: targets, losses: losses, gradientScale: 1e-3)
      },
      KernelCase("argmax", name(R, V), bytes(1, of: R * V)) { backend.argmax(of: logits, into: columns) },
    ]
  }

  /// Embeddings to the decoder's rows, and their gradient back.
  func rows() -> [KernelCase] {
    let (table, packed) = (filled(sizes.vocabularySize, width), filled(rowCount, width))
    let backend = backend
    let tokens = Tensor(indices: ids(rowCount, below: sizes.vocabularySize), pool: backend.pool)
    let count = rowCount
    return [
      KernelCase("copy rows", name(rowCount, width), bytes(2, of: rowCount * width)) {
        backend.copyRows(of: table, tokens, to: packed, nil, count: count)
      },
      KernelCase("add rows", name(rowCount, width), bytes(3, of: rowCount * width)) {
        backend.addRows(of: packed, nil, to: table, tokens, count: count, skipping: nil)
      },
    ]
  }

  /// The compressor's projection for chunks of half the largest size.
  func resampling() -> [KernelCase] {
    let (full, half) = (
      sizes.maximumChunkSize * sizes.compressor.width, sizes.maximumChunkSize / 2 * sizes.compressor.width
    )
    let (stored, resampled) = (filled(width, full), filled(width, half))
    let backend = backend
    return [
      KernelCase("resample", "[\(width), \(full) to \(half)]", bytes(1, of: width * (full + half))) {
        backend.resampleColumns(of: stored, to: resampled)
      },
      KernelCase("resample gradient", "[\(width), \(half) to \(full)]", bytes(1, of: width * (2 * full + half))) {
        backend.accumulateResampleGradient(resampled, into: stored)
      },
    ]
  }

  func biases() -> [KernelCase] {
    let columns = sizes.staircase.packedWidth
    let (packed, bias) = (filled(rowCount, columns), filled(columns))
    let backend = backend
    return [
      KernelCase("add bias", name(rowCount, columns), bytes(2, of: rowCount * columns)) {
        backend.addBias(bias, to: Matrix(packed))
      },
      KernelCase("column sums", name(rowCount, columns), bytes(1, of: rowCount * columns)) {
        backend.accumulateColumnSums(of: Matrix(packed), into: bias)
      },
    ]
  }

  /// Over as many numbers as the model has parameters.
  func elements() -> [KernelCase] {
    let count = sizes.parameterCount
    let (x, y) = (filled(count), filled(count))
    let total = Tensor(doubles: [0], pool: backend.pool)
    let backend = backend
    return [
      KernelCase("fill", name(count), bytes(1, of: count)) { backend.fill(y, with: 1e-3) },
      KernelCase("add", name(count), bytes(3, of: count)) { backend.add(x, to: y) },
      KernelCase("scale", name(count), bytes(2, of: count)) { backend.scale(y, by: 1) },
      KernelCase("sum", name(count), bytes(1, of: count)) { backend.accumulateSum(of: x, into: total) },
      KernelCase("sum of squares", name(count), bytes(1, of: count)) {
        backend.accumulateSumOfSquares(of: x, into: total)
      },
    ]
  }

  func update() -> [KernelCase] {
    let count = sizes.parameterCount
    let tensors = (0..<4).map { _ in filled(count) }
    let step = AdamWStep(rate: 1e-4, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, decay: 0.1)
    let decided = UpdateControl(gradientScale: 1, correction1: 0.1, correction2: 0.05)
    let control = Tensor(doubles: decided.values, pool: backend.pool)
    let backend = backend
    return [
      KernelCase("adamw", name(count), bytes(7, of: count)) {
        backend.adamW(
          step, control: control, weights: tensors[0], gradients: tensors[1], firstMoments: tensors[2],
          secondMoments: tensors[3])
      }
    ]
  }

  /// Random ids in `0 ..< bound`.
  private func ids(_ count: Int, below bound: Int) -> [Int32] {
    var generator = CounterGenerator(seed: 0, stream: .task)
    return (0..<count).map { _ in Int32(generator.below(bound)) }
  }
}
