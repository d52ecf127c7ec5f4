internal import CUDASources
package import TensorCore

/// AdamW over flat float32 memory; norm, clipping and whether to update at all stay on the device.
package struct UpdateKernels {
  private static let source = KernelSource("Update.cu")

  private let library: KernelLibrary

  package init(library: KernelLibrary) {
    self.library = library
  }

  /// See `Backend.decideUpdate`; `sums` `[2]` and `control` `[8]` are of float64.
  package func decide(
    _ decision: UpdateDecision, sums: DeviceArray, control: DeviceArray, on stream: CUDAStream
  ) throws(CUDAError) {
    let limits = UpdateLimits(
      targetCount: Double(max(1, decision.targetCount)), clipNorm: decision.clipNorm,
      lossThreshold: decision.lossThreshold, beta1: decision.beta1, beta2: decision.beta2)
    try library.kernel("decideUpdate", of: Self.source)
      .launch(LaunchShape(x: 1, threadCount: 1), on: stream, limits, sums.address, control.address)
  }

  /// One update of equally long arrays as `control` says. `rounded` receives the weights in bfloat16.
  package func adamW(
    _ step: AdamWStep, control: DeviceArray, weights: DeviceArray, gradients: DeviceArray, firstMoments: DeviceArray,
    secondMoments: DeviceArray, rounded: DeviceArray?, on stream: CUDAStream
  ) throws(CUDAError) {
    let numbers = UpdateNumbers(
      rate: step.rate, beta1: step.beta1, beta2: step.beta2, epsilon: step.epsilon, decay: step.decay)
    try library.kernel("adamW", of: Self.source).launch(
      LaunchShape(items: (weights.count + 3) / 4), on: stream, numbers, control.address, gradients.address,
      weights.address, firstMoments.address, secondMoments.address, rounded?.address ?? 0, weights.count)
  }
}
