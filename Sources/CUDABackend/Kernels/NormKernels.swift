/// Root-mean-square norms of rows of one width, a multiple of 8. The residual stream and its gradient are of one type,
/// branches and their gradients perhaps of another; weights are float32.
package struct NormKernels {
  /// Blocks a multiprocessor in the backward pass: the partial sums of the weight's gradient are as many.
  private static let backwardBlocks = 2

  private let width: Int
  private let forwardKernel: Kernel
  private let backwardKernel: Kernel
  private let sums: ColumnSumKernel
  private let parts: DeviceArray

  package init(
    width: Int, residual: DeviceType, activation: DeviceType, device: CUDADevice, cache: KernelCache
  ) throws(CUDAError) {
    precondition(width % 8 == 0, "norm: width \(width) is no multiple of 8")
    let module = try KernelModule(
      KernelSource(
        "Norm.cu",
        ["WIDTH": "\(width)", "RESIDUAL": residual.sourceName, "ACTIVATION": activation.sourceName]),
      device: device, cache: cache)
    self.width = width
    forwardKernel = try module.kernel("normForward")
    backwardKernel = try module.kernel("normBackward")
    sums = try ColumnSumKernel(device: device, cache: cache)
    parts = try DeviceArray(
      device, .float32, count: Self.backwardBlocks * device.multiprocessorCount * width)
  }

  /// Norm of `x (+ delta)`; the sum goes to `sum`, one over the root of mean square plus epsilon to `inverse` `[rows]`.
  package func forward(
    _ x: DeviceArray, plus delta: (delta: DeviceArray, sum: DeviceArray)?, weight: DeviceArray, epsilon: Float,
    output: DeviceArray, inverse: DeviceArray, on stream: CUDAStream
  ) throws(CUDAError) {
    let rowCount = inverse.count
    try forwardKernel.launch(
      LaunchShape(x: (rowCount + 3) / 4, threadCount: 128), on: stream, x.address, delta?.delta.address ?? 0,
      weight.address, epsilon, delta?.sum.address ?? 0, output.address, inverse.address, rowCount)
  }

  /// Gradient with respect to the summed input `x`; `sumGradient` is added and may be `inputGradient`'s memory.
  /// `weightGradient` is accumulated.
  package func backward(
    _ x: DeviceArray, weight: DeviceArray, inverse: DeviceArray, outputGradient: DeviceArray,
    sumGradient: DeviceArray?, inputGradient: DeviceArray, weightGradient: DeviceArray, on stream: CUDAStream
  ) throws(CUDAError) {
    let blockCount = parts.count / width
    try backwardKernel.launch(
      LaunchShape(x: blockCount, threadCount: 256), on: stream, x.address, weight.address, inverse.address,
      outputGradient.address, sumGradient?.address ?? 0, inputGradient.address, parts.address, inverse.count)
    try sums.add(parts, count: blockCount, to: weightGradient, on: stream)
  }
}
