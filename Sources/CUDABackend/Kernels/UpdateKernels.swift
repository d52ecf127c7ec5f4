internal import CUDASources
package import TensorCore

/// AdamW over flat float32 memory; norm, clipping and whether to update at all stay on the device.
package struct UpdateKernels {
  /// Partial sums of the norm, whatever the device: so the order of the sum is the same on all.
  private static let partCount = 1056

  /// What an update reads: made by ``decide``, read by ``adamW``.
  private let control: DeviceArray
  private let parts: DeviceArray
  private let squares: Kernel
  private let decision: Kernel
  private let update: Kernel

  package init(device: CUDADevice, cache: KernelCache) throws(CUDAError) {
    let module = try KernelModule(KernelSource("Update.cu"), device: device, cache: cache)
    squares = try module.kernel("sumOfSquares")
    decision = try module.kernel("decideUpdate")
    update = try module.kernel("adamW")
    parts = try DeviceArray(device, .float64, count: Self.partCount)
    control = try DeviceArray(device, .float32, count: MemoryLayout<CUDASources.UpdateControl>.size / 4)
  }

  /// Finds the norm of `gradients` times `scale`, and from it the next update's factor: clipped to `maximumNorm`, and
  /// skipped where the norm is not finite or above `largestNorm`.
  package func decide(
    _ gradients: DeviceArray, scale: Float, maximumNorm: Float, largestNorm: Float, on stream: CUDAStream
  ) throws(CUDAError) {
    try sumOfSquares(gradients, on: stream)
    try decision.launch(
      LaunchShape(x: 1, threadCount: 1024), on: stream, parts.address, Int32(Self.partCount), scale, maximumNorm,
      largestNorm, control.address)
  }

  func sumOfSquares(_ gradients: DeviceArray, on stream: CUDAStream) throws(CUDAError) {
    try squares.launch(
      LaunchShape(x: Self.partCount, threadCount: 256), on: stream, gradients.address, gradients.count, parts.address)
  }

  /// Factor, whether the update is skipped, and norm of the last decision; waits for the stream.
  package func decided(on stream: CUDAStream) throws(CUDAError) -> (factor: Float, skips: Bool, norm: Double) {
    let words = try control.download(on: stream).map(\.bitPattern)
    let norm = Double(bitPattern: UInt64(words[3]) << 32 | UInt64(words[2]))
    return (Float(bitPattern: words[0]), words[1] != 0, norm)
  }

  /// One update of equally long arrays, a multiple of 4, with the factor of the last decision. `rounded` receives the
  /// weights in bfloat16.
  ///
  /// - Parameter corrections: `1 - β₁ᵗ` and `1 - β₂ᵗ`.
  package func adamW(
    _ step: AdamWStep, corrections: (Float, Float), weights: DeviceArray, gradients: DeviceArray,
    firstMoments: DeviceArray,
    secondMoments: DeviceArray, rounded: DeviceArray?, on stream: CUDAStream
  ) throws(CUDAError) {
    precondition(weights.count % 4 == 0, "AdamW: \(weights.count) weights are no multiple of 4")
    let numbers = UpdateNumbers(
      rate: step.rate, beta1: step.beta1, beta2: step.beta2, epsilon: step.epsilon, decay: step.decay,
      correction1: corrections.0, correction2: corrections.1)
    try update.launch(
      LaunchShape(x: (weights.count / 4 + 255) / 256, threadCount: 256), on: stream, numbers, control.address,
      gradients.address, weights.address, firstMoments.address, secondMoments.address, rounded?.address ?? 0,
      weights.count)
  }
}
