/// Root-mean-square norms of rows of one width. The residual stream, what is added to it and their gradients are float32
/// unless `delta` says so, norms and their gradients of the activations' type; weights are float32.
///
/// Widths that are multiples of eight, up to ``widest``, at addresses that are multiples of 16 have kernels of their own;
/// others have plain ones.
package struct NormKernels {
  /// Blocks a multiprocessor in the backward pass.
  private static let backwardBlocks = 2
  /// A row that a warp's registers hold.
  private static let widest = 2048
  /// Rows that a part of a plain sum has at least, and most parts.
  private static let (plainPartRows, plainPartCount) = (64, 128)

  private let width: Int
  private let delta: DeviceType
  private let activation: DeviceType
  private let library: KernelLibrary

  package init(width: Int, delta: DeviceType, activation: DeviceType, library: KernelLibrary) {
    self.width = width
    self.delta = delta
    self.activation = activation
    self.library = library
  }

  private var source: KernelSource {
    KernelSource(
      "Norm.cu",
      [
        "WIDTH": "\(width)", "RESIDUAL": DeviceType.float32.sourceName, "DELTA": delta.sourceName,
        "ACTIVATION": activation.sourceName,
      ])
  }
  private var plainSource: KernelSource { KernelSource("Plain.cu", ["ACTIVATION": activation.sourceName]) }

  private func isFast(_ arrays: DeviceArray?...) -> Bool {
    width % 8 == 0 && width <= Self.widest && arrays.allSatisfy { ($0?.alignment ?? 16) >= 16 }
  }

  /// Norm of `x (+ delta)`; the sum goes to `sum`, one over the root of mean square plus epsilon to `inverse` `[rows]`.
  package func forward(
    _ x: DeviceArray, plus delta: (delta: DeviceArray, sum: DeviceArray)?, weight: DeviceArray, epsilon: Float,
    output: DeviceArray, inverse: DeviceArray, on stream: CUDAStream
  ) throws(CUDAError) {
    let rowCount = inverse.count
    guard isFast(x, delta?.delta, delta?.sum, weight, output) else {
      precondition(self.delta == .float32, "norm: \(width) columns of \(self.delta) are added")
      return try library.kernel("normForwardPlain", of: plainSource).launch(
        LaunchShape(items: rowCount * 32), on: stream, x.address, delta?.delta.address ?? 0, weight.address, epsilon,
        delta?.sum.address ?? 0, output.address, inverse.address, width, rowCount)
    }
    try library.kernel("normForward", of: source).launch(
      LaunchShape(x: (rowCount + 3) / 4, threadCount: 128), on: stream, x.address, delta?.delta.address ?? 0,
      weight.address, epsilon, delta?.sum.address ?? 0, output.address, inverse.address, rowCount)
  }

  /// Partial sums of the weight's gradient that ``backward`` makes: its scratch memory has room for as many rows.
  package static func partCount(rowCount: Int, multiprocessorCount: Int) -> Int {
    max(backwardBlocks * multiprocessorCount, plainParts(rowCount: rowCount))
  }

  private static func plainParts(rowCount: Int) -> Int {
    max(1, min(plainPartCount, rowCount / plainPartRows))
  }

  /// Gradient with respect to the summed input `x`; `sumGradient` is added and may be `inputGradient`'s memory.
  ///
  /// - Parameters:
  ///   - weightGradient: accumulated; nil if not wanted.
  ///   - parts: scratch of float32, `[partCount, width]`.
  package func backward(
    _ x: DeviceArray, weight: DeviceArray, inverse: DeviceArray, outputGradient: DeviceArray,
    sumGradient: DeviceArray?, inputGradient: DeviceArray, weightGradient: DeviceArray?, parts: DeviceArray,
    on stream: CUDAStream
  ) throws(CUDAError) {
    let (rowCount, sums) = (inverse.count, SumKernels(library: library))
    guard isFast(x, weight, outputGradient, sumGradient, inputGradient) else {
      return try plainBackward(
        x, weight, inverse, outputGradient, sumGradient, inputGradient, weightGradient, parts, stream)
    }
    let blockCount = Self.backwardBlocks * library.device.multiprocessorCount
    precondition(parts.count >= blockCount * width, "norm: \(parts.count) numbers for \(blockCount) partial sums")
    try library.kernel("normBackward", of: source).launch(
      LaunchShape(x: blockCount, threadCount: 256), on: stream, x.address, weight.address, inverse.address,
      outputGradient.address, sumGradient?.address ?? 0, inputGradient.address, parts.address, rowCount)
    if let weightGradient { try sums.addColumns(parts, count: blockCount, to: weightGradient, on: stream) }
  }

  private func plainBackward(
    _ x: DeviceArray, _ weight: DeviceArray, _ inverse: DeviceArray, _ outputGradient: DeviceArray,
    _ sumGradient: DeviceArray?, _ inputGradient: DeviceArray, _ weightGradient: DeviceArray?, _ parts: DeviceArray,
    _ stream: CUDAStream
  ) throws(CUDAError) {
    let (rowCount, partCount) = (inverse.count, Self.plainParts(rowCount: inverse.count))
    try library.kernel("normBackwardPlain", of: plainSource).launch(
      LaunchShape(items: rowCount * 32), on: stream, x.address, weight.address, inverse.address,
      outputGradient.address, sumGradient?.address ?? 0, inputGradient.address, width, rowCount)
    guard let weightGradient else { return }
    precondition(parts.count >= partCount * width, "norm: \(parts.count) numbers for \(partCount) partial sums")
    try library.kernel("normWeightGradient", of: plainSource).launch(
      LaunchShape(x: (width + 31) / 32, y: partCount, threadCount: 256), on: stream, x.address, inverse.address,
      outputGradient.address, parts.address, width, rowCount)
    try SumKernels(library: library).addColumns(parts, count: partCount, to: weightGradient, on: stream)
  }
}
