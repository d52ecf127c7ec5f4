/// Kernels that go over elements or rows: values set, added and rounded, gated units, cross-entropy, interpolation.
package struct ElementKernels {
  private static let source = KernelSource("Elements.cu")

  private let library: KernelLibrary

  package init(library: KernelLibrary) {
    self.library = library
  }

  // MARK: Values

  /// Of float32 or float64.
  func fill(_ x: DeviceArray, with value: Float, on stream: CUDAStream) throws(CUDAError) {
    try library.kernel(x.type == .float64 ? "fillDoubles" : "fill", of: Self.source)
      .launch(fours(x.count), on: stream, x.address, value, x.count)
  }

  /// `y += x`, both of float32 or both of float64.
  func add(_ x: DeviceArray, to y: DeviceArray, on stream: CUDAStream) throws(CUDAError) {
    precondition(x.type == y.type && x.count == y.count, "add: \(x.count) of \(x.type) to \(y.count) of \(y.type)")
    try library.kernel(x.type == .float64 ? "addDoubles" : "add", of: Self.source)
      .launch(fours(x.count), on: stream, x.address, y.address, x.count)
  }

  func scale(_ x: DeviceArray, by factor: Float, on stream: CUDAStream) throws(CUDAError) {
    try library.kernel("scale", of: Self.source).launch(fours(x.count), on: stream, x.address, factor, x.count)
  }

  /// Rows of float32 rounded to rows of bfloat16 of the same counts.
  func round(_ x: DeviceMatrix, to rounded: DeviceMatrix, on stream: CUDAStream) throws(CUDAError) {
    let eights = (x.columnCount + 7) / 8
    try library.kernel("roundRows", of: Self.source).launch(
      LaunchShape(items: eights * x.rowCount), on: stream, x.array.address, x.stride, rounded.array.address,
      rounded.stride, x.columnCount, x.rowCount)
  }

  /// Adds `bias` to each row.
  func addBias(_ bias: DeviceArray, to y: DeviceMatrix, on stream: CUDAStream) throws(CUDAError) {
    try library.kernel("addBias", of: Self.source).launch(
      LaunchShape(items: y.rowCount * y.columnCount), on: stream, bias.address, y.array.address, y.stride,
      y.columnCount, y.rowCount)
  }

  /// Numbers of about a normal distribution of this standard deviation, which depend on `seed` alone.
  package func fillRandom(
    _ x: DeviceArray, scale: Float, seed: UInt32, on stream: CUDAStream
  ) throws(CUDAError) {
    // Four uniform numbers have a variance of a third; the kernel makes it one.
    try library.kernel("fillRandom", of: KernelSource("Random.cu", ["ACTIVATION": x.type.sourceName]))
      .launch(LaunchShape(items: x.count), on: stream, x.address, scale, seed, x.count)
  }

  // MARK: Gated units

  /// `output[r, i] = silu(gateUp[r, i]) · gateUp[r, I + i]`, with `width` I.
  package func swiGLU(
    _ gateUp: DeviceArray, output: DeviceArray, width: Int, on stream: CUDAStream
  ) throws(CUDAError) {
    guard isFast(width, [gateUp, output]) else {
      return try library.kernel("swigluForwardPlain", of: plain(output.type)).launch(
        LaunchShape(items: output.count), on: stream, gateUp.address, output.address, width, output.count)
    }
    try library.kernel("swigluForward", of: source("SwiGLU.cu", output.type)).launch(
      LaunchShape(items: output.count / 8), on: stream, gateUp.address, output.address, Int32(width), output.count)
  }

  /// Gradient with respect to `gateUp`, which may be its memory; `output` receives what the forward pass gave.
  package func swiGLUBackward(
    _ gateUp: DeviceArray, outputGradient: DeviceArray, gateUpGradient: DeviceArray, output: DeviceArray?, width: Int,
    on stream: CUDAStream
  ) throws(CUDAError) {
    let count = outputGradient.count
    guard isFast(width, [gateUp, outputGradient, gateUpGradient] + (output.map { [$0] } ?? [])) else {
      return try library.kernel("swigluBackwardPlain", of: plain(gateUp.type)).launch(
        LaunchShape(items: count), on: stream, gateUp.address, outputGradient.address, gateUpGradient.address,
        output?.address ?? 0, width, count)
    }
    try library.kernel("swigluBackward", of: source("SwiGLU.cu", gateUp.type)).launch(
      LaunchShape(items: count / 8), on: stream, gateUp.address, outputGradient.address, gateUpGradient.address,
      output?.address ?? 0, Int32(width), count)
  }

  // MARK: Cross-entropy

  /// Cross-entropy of each row of `logits` `[R, V]` against `targets` `[R]` of int32, in nats, into `losses` `[R]` of
  /// float32; with a scale, `logits` becomes (softmax − one-hot) · scale. A negative target has neither loss nor gradient.
  package func crossEntropy(
    _ logits: DeviceArray, targets: DeviceArray, losses: DeviceArray, gradientScale: Float?, on stream: CUDAStream
  ) throws(CUDAError) {
    let columnCount = logits.count / max(losses.count, 1)
    let isFast = isFast(columnCount, [logits])
    let kernel =
      try isFast
      ? library.kernel("crossEntropy", of: source("CrossEntropy.cu", logits.type))
      : library.kernel("crossEntropyPlain", of: plain(logits.type))
    try kernel.launch(
      LaunchShape(x: losses.count, threadCount: isFast ? 512 : 256), on: stream, logits.address, targets.address,
      losses.address, Int32(columnCount), Int32(gradientScale == nil ? 0 : 1), gradientScale ?? 0)
  }

  // MARK: Interpolation

  /// Each row of `x` `[rows, width]` to a row of `y` `[rows, count]`.
  func resample(
    _ x: DeviceArray, width: Int, to y: DeviceArray, count: Int, on stream: CUDAStream
  ) throws(CUDAError) {
    guard y.count > 0 else { return }
    try library.kernel("resample", of: Self.source).launch(
      LaunchShape(items: y.count), on: stream, x.address, Int32(width), y.address, Int32(count), y.count / count)
  }

  /// Adds the transpose of ``resample`` applied to `gradient` `[rows, count]` to `xGradient` `[rows, width]`.
  func resampleBackward(
    _ gradient: DeviceArray, count: Int, into xGradient: DeviceArray, width: Int, on stream: CUDAStream
  ) throws(CUDAError) {
    guard xGradient.count > 0, count > 0 else { return }
    try library.kernel("resampleBackward", of: Self.source).launch(
      LaunchShape(items: xGradient.count), on: stream, gradient.address, Int32(count), xGradient.address,
      Int32(width), xGradient.count / width)
  }

  // MARK: Launches

  private func source(_ file: String, _ type: DeviceType) -> KernelSource {
    KernelSource(file, ["ACTIVATION": type.sourceName])
  }
  private func plain(_ type: DeviceType) -> KernelSource { source("Plain.cu", type) }

  /// Whether rows of that width are read eight elements at a time.
  private func isFast(_ width: Int, _ arrays: [DeviceArray]) -> Bool {
    width % 8 == 0 && arrays.allSatisfy { $0.alignment >= 16 }
  }

  /// Threads for elements in fours.
  private func fours(_ count: Int) -> LaunchShape { LaunchShape(items: (count + 3) / 4) }
}
