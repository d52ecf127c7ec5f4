/// Kernels that go over elements or rows of one type: gated units, cross-entropy, random numbers.
package struct ElementKernels {
  private static let threadCount = 256

  private let swigluForward: Kernel
  private let swigluBackward: Kernel
  private let crossEntropy: Kernel
  private let fillRandom: Kernel

  package init(_ type: DeviceType, device: CUDADevice, cache: KernelCache) throws(CUDAError) {
    let load = { (file: String) throws(CUDAError) in
      try KernelModule(KernelSource(file, ["ACTIVATION": type.sourceName]), device: device, cache: cache)
    }
    let swiglu = try load("SwiGLU.cu")
    swigluForward = try swiglu.kernel("swigluForward")
    swigluBackward = try swiglu.kernel("swigluBackward")
    crossEntropy = try load("CrossEntropy.cu").kernel("crossEntropy")
    fillRandom = try load("Random.cu").kernel("fillRandom")
  }

  /// `output[r, i] = silu(gateUp[r, i]) · gateUp[r, I + i]`, with `width` I, a multiple of 8.
  package func swiGLU(
    _ gateUp: DeviceArray, output: DeviceArray, width: Int, on stream: CUDAStream
  ) throws(CUDAError) {
    precondition(width % 8 == 0, "SwiGLU: width \(width) is no multiple of 8")
    try swigluForward.launch(
      eights(output.count), on: stream, gateUp.address, output.address, Int32(width), output.count)
  }

  /// Gradient with respect to `gateUp`, which may be its memory; `output` receives what the forward pass gave.
  package func swiGLUBackward(
    _ gateUp: DeviceArray, outputGradient: DeviceArray, gateUpGradient: DeviceArray, output: DeviceArray?, width: Int,
    on stream: CUDAStream
  ) throws(CUDAError) {
    precondition(width % 8 == 0, "SwiGLU: width \(width) is no multiple of 8")
    try swigluBackward.launch(
      eights(outputGradient.count), on: stream, gateUp.address, outputGradient.address, gateUpGradient.address,
      output?.address ?? 0, Int32(width), outputGradient.count)
  }

  /// Cross-entropy of each row of `logits` `[R, V]` against `targets` `[R]` of int32, in nats, into `losses` `[R]` of
  /// float32; with a scale, `logits` becomes (softmax − one-hot) · scale. V is a multiple of 8.
  package func crossEntropy(
    _ logits: DeviceArray, targets: DeviceArray, losses: DeviceArray, gradientScale: Float?, on stream: CUDAStream
  ) throws(CUDAError) {
    let columnCount = logits.count / max(losses.count, 1)
    precondition(columnCount % 8 == 0, "cross-entropy: \(columnCount) columns are no multiple of 8")
    try crossEntropy.launch(
      LaunchShape(x: losses.count, threadCount: 512), on: stream, logits.address, targets.address, losses.address,
      Int32(columnCount), Int32(gradientScale == nil ? 0 : 1), gradientScale ?? 0)
  }

  /// Numbers of about a normal distribution of this standard deviation, which depend on `seed` alone.
  package func fillRandom(
    _ x: DeviceArray, scale: Float, seed: UInt32, on stream: CUDAStream
  ) throws(CUDAError) {
    let launch = LaunchShape(x: (x.count + Self.threadCount - 1) / Self.threadCount, threadCount: Self.threadCount)
    // Four uniform numbers have a variance of a third; the kernel makes it one.
    try fillRandom.launch(launch, on: stream, x.address, scale, seed, x.count)
  }

  /// Threads for elements in eights.
  private func eights(_ count: Int) -> LaunchShape {
    LaunchShape(x: (count / 8 + Self.threadCount - 1) / Self.threadCount, threadCount: Self.threadCount)
  }
}
