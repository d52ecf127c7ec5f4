import CPUBackend
import CUDABackend
import Foundation
import Models
import Optimizers
import TensorCore
import Testing

/// A model with what models have: a compressor, resampling, grouped heads of another width than tensor cores take.
private struct Sample {
  var config: CATConfig
  let sampleCount = 2
  let length = 22

  init(_ change: (inout CATConfig) -> Void = { _ in }) {
    config = CATConfig(vocabularySize: 61, hiddenSize: 48, layerCount: 2, headCount: 4, maximumLength: 32)
    config.maximumChunkSize = 8
    config.padsToMultipleOf = 1
    change(&config)
  }

  /// Sample `index` of ids, and their targets.
  func ids(_ index: Int) -> (inputs: [Int32], targets: [Int32]) {
    let ids = (0...sampleCount * length).map { Int32(($0 * 37 + index * 11) % 61) }
    return (Array(ids.dropLast()), Array(ids.dropFirst()))
  }
}

/// A model in training on a backend.
private struct Training {
  let sample: Sample
  let backend: any Backend
  let model: any LanguageModel
  let optimizer: AdamW

  init(_ sample: Sample, on backend: any Backend) {
    self.sample = sample
    self.backend = backend
    let config = ModelConfig(sample.config)
    model = config.makeModel(isTrained: true, backend: backend)
    model.parameters.initialize(config.specs(scheme: .fla), seed: 1)
    optimizer = AdamW(OptimizerConfig(), parameters: model.parameters, backend: backend)
  }

  /// Asks for one step; its results are not waited for.
  func step(_ index: Int, chunkSize: Int) -> (loss: HeadResult, control: PendingControl) {
    let ids = sample.ids(index)
    let tape = Tape(backend: backend, isRecording: true)
    let loss = model.loss(
      ids: ids.inputs, targets: ids.targets, sampleCount: sample.sampleCount, length: sample.length,
      chunkSize: chunkSize, gradientScale: 1 / Float(ids.inputs.count), tape: tape)
    tape.backward()
    return (loss, optimizer.step(rate: 1e-3))
  }
}

extension CUDATests {
  /// The whole backend, on a library that records calls and on one that computes them on the processor.
  @Suite struct BackendTests {
    /// Calls that wait for the device, or make it wait.
    private static let waits = [
      "cuStreamSynchronize", "cuEventSynchronize", "cuMemcpyDtoHAsync", "cuMemAlloc", "cuMemFree", "cuMemHostAlloc",
      "cuMemFreeHost", "nvrtcCompileProgram", "cuModuleLoadData",
    ]

    @Test(arguments: [ProductPrecision.float32, .bfloat16])
    func `a step waits for nothing, and all that was taken is given back`(precision: ProductPrecision) throws {
      let fake = try FakeCUDA()
      do {
        let training = Training(Sample(), on: try CUDABackend(precision: precision, cache: fake.cache))
        // Kernels are compiled and memory is taken in the first steps.
        for index in 0..<3 { _ = training.step(index, chunkSize: 4).control.wait() }
        let before = try fake.calls.count
        let pending = training.step(3, chunkSize: 4)
        let calls = try fake.calls.dropFirst(before)
        #expect(calls.count { $0.hasPrefix("cuLaunchKernel ") } > 100)
        // The control's numbers are on their way to pinned memory.
        let waiting = calls.filter(Self.waits.contains)
        #expect(waiting == ["cuMemcpyDtoHAsync"], "\(waiting)")
        _ = pending.control.wait()
        #expect(try fake.calls.dropFirst(before).filter(Self.waits.contains).count == 2)
      }
      #expect(try fake.liveCount == 0)
    }

    @Test(arguments: [ProductPrecision.float32, .bfloat16])
    func `a plan takes what a step takes`(precision: ProductPrecision) throws {
      let fake = try FakeCUDA()
      let peaks = try [CUDABackend(precision: precision, cache: fake.cache), CUDABackend(planning: precision)].map {
        let training = Training(Sample(), on: $0)
        for index in 0..<3 { _ = training.step(index, chunkSize: 4) }
        return $0.peakBytes
      }
      #expect(peaks[0] == peaks[1] && peaks[0] > 0)
    }

    @Test func `another thread's transfers are waited for, and the device is made its own`() async throws {
      let fake = try FakeCUDA()
      let backend = try CUDABackend(cache: fake.cache)
      let x = Tensor([1, 2, 3], shape: [3], backend: backend)
      let before = try fake.calls.count
      let values = Values(x)
      let thread = Thread { values.read() }
      thread.start()
      while !thread.isFinished { try await Task.sleep(for: .milliseconds(1)) }
      #expect(values.found == [1, 2, 3])
      #expect(
        try fake.calls.dropFirst(before) == ["cuCtxSetCurrent", "cuMemcpyDtoHAsync", "cuStreamSynchronize"])
    }

    /// What one thread reads of another's tensor.
    // Read when the thread is over.
    private final class Values: @unchecked Sendable {
      let tensor: Tensor
      var found: [Float] = []

      init(_ tensor: Tensor) { self.tensor = tensor }

      func read() { found = tensor.values }
    }

    @Test func `uploads go round in pinned memory, however many there are`() throws {
      let fake = try FakeCUDA()
      let backend = try CUDABackend(cache: fake.cache)
      let values = (0..<1_500_000).map(Float.init)
      let x = Tensor(values, shape: [values.count], backend: backend)
      for _ in 0..<10 { x.assign(values) }
      #expect(x.values == values)
      #expect(try fake.calls.count { $0 == "cuMemHostAlloc" } == 8)
    }

    // MARK: Numbers

    /// Sizes that take the fast kernels and sizes that do not, head norms, grouped heads, a bias, a frozen row.
    private static let samples: [(name: String, sample: Sample, chunkSize: Int)] = [
      ("plain", Sample(), 4), ("one a chunk", Sample(), 1), ("largest chunk", Sample(), 8),
      (
        "odd",
        Sample {
          $0.intermediateSize = 37
          $0.vocabularySize = 67
        }, 5
      ),
      (
        "grouped",
        Sample {
          $0.keyValueHeadCount = 2
          $0.hasHeadNorm = true
          $0.hasProjectionBias = true
          $0.paddingID = 3
        }, 4
      ),
      (
        "heads of 32",
        Sample {
          $0.hiddenSize = 64
          ($0.headCount, $0.keyValueHeadCount) = (2, 1)
          $0.hasHeadNorm = true
        }, 4
      ),
    ]

    private static let names = samples.map(\.name)

    /// Losses, norms and weights after some steps.
    private func results(
      _ training: Training, chunkSize: Int
    ) -> (losses: [Double], norms: [Double], gradients: [Float], weights: [Float]) {
      var (losses, norms): ([Double], [Double]) = ([], [])
      var gradients: [Float] = []
      for index in 0..<3 {
        let (loss, control) = training.step(index, chunkSize: chunkSize)
        losses.append(loss.lossSum)
        norms.append(control.wait().gradientNorm)
        if index == 0 { gradients = training.model.parameters.gradients?.values ?? [] }
        training.backend.fill(training.model.parameters.gradients ?? training.model.parameters.weights, with: 0)
      }
      return (losses, norms, gradients, training.model.parameters.weights.values)
    }

    private func distance(_ found: [Float], _ expected: [Float]) -> Double {
      let squares = zip(found, expected).reduce(0.0) { $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1) }
      let distance = (squares / expected.reduce(1e-30) { $0 + Double($1) * Double($1) }).squareRoot()
      return distance.isNaN || found.count != expected.count ? .infinity : distance
    }

    @Test(.enabled(if: FakeCUDA.computes, "no clang++ that makes kernels for the processor"), arguments: names)
    func `steps on kernels that run on the processor give the processor's numbers`(name: String) throws {
      let (_, sample, chunkSize) = try #require(Self.samples.first { $0.name == name })
      let fake = try FakeCUDA(computes: true)
      let expected = results(Training(sample, on: CPUBackend(threadCount: 1)), chunkSize: chunkSize)
      let found = results(Training(sample, on: try CUDABackend(cache: fake.cache)), chunkSize: chunkSize)
      for (a, b) in zip(found.losses + found.norms, expected.losses + expected.norms) {
        #expect(abs(a - b) < 1e-5 * abs(b), "\(a) \(b)")
      }
      #expect(distance(found.gradients, expected.gradients) < 1e-5)
      #expect(distance(found.weights, expected.weights) < 1e-5)
      guard name == "grouped" else { return }
      // The same bits each time.
      let again = results(Training(sample, on: try CUDABackend(cache: fake.cache)), chunkSize: chunkSize)
      #expect(again.weights == found.weights && again.losses == found.losses)
    }

    @Test(.enabled(if: FakeCUDA.computes, "no clang++ that makes kernels for the processor"))
    func `products without an algorithm of the library's are made by a kernel`() throws {
      let fake = try FakeCUDA(computes: true, hasProducts: false)
      let sample = Sample()
      let expected = results(Training(sample, on: CPUBackend(threadCount: 1)), chunkSize: 4)
      let found = results(Training(sample, on: try CUDABackend(cache: fake.cache)), chunkSize: 4)
      #expect(distance(found.gradients, expected.gradients) < 1e-5)
      #expect(try fake.calls.contains("cuLaunchKernel multiplyPlain"))
      #expect(try !fake.calls.contains("cublasLtMatmul"))
    }

    @Test(.enabled(if: FakeCUDA.computes, "no clang++ that makes kernels for the processor"))
    func `steps in bfloat16 stay near those in single precision`() throws {
      let fake = try FakeCUDA(computes: true)
      // Heads of 12: tensor cores are a GPU's alone.
      let expected = results(Training(Sample(), on: CPUBackend(threadCount: 1, precision: .bfloat16)), chunkSize: 4)
      let found = results(
        Training(Sample(), on: try CUDABackend(precision: .bfloat16, cache: fake.cache)), chunkSize: 4)
      #expect(distance(found.gradients, expected.gradients) < 0.02)
      #expect(abs(found.losses[2] - expected.losses[2]) < 2e-3 * expected.losses[2])
    }

    /// What the kernels give that no step of these models calls.
    private static func othersResults(_ backend: any Backend) -> [[Double]] {
      let values = (0..<5 * 67).map { (index: Int) -> Float in Float(index * 7919 % 131) / 16 - 4 }
      let x = Tensor(values, shape: [5, 67], backend: backend)
      let total = Tensor(doubles: [1, 2], pool: backend.pool)
      backend.accumulateSum(of: x, into: total.rows(0..<1))
      backend.accumulateSumOfSquares(of: x.reshaped([335]).rows(3..<330), into: total.rows(1..<2))
      let columns = Tensor(indices: [0, 0, 0, 0, 0], pool: backend.pool)
      x.set(2 * 67 + 4, to: .nan)
      backend.argmax(of: x, into: columns)
      let matches = Tensor(doubles: [0.5], pool: backend.pool)
      backend.accumulateMatches(
        of: columns, with: Tensor(indices: [0, 1, -1, 3, columns.indices[4]], pool: backend.pool), into: matches)
      x.set(2 * 67 + 4, to: 1)
      var wide = [x.values]
      for width in [1, 3, 67, 200] {
        let y = Tensor([Float](repeating: 0, count: 5 * width), shape: [5, width], backend: backend)
        backend.resampleColumns(of: x, to: y)
        let back = Tensor(values, shape: [5, 67], backend: backend)
        backend.accumulateResampleGradient(y, into: back)
        wide += [y.values, back.values]
      }
      backend.scale(x, by: 0.5)
      backend.fill(total.rows(1..<2), with: 3)
      let sums = Tensor([Float](repeating: 1, count: 60), shape: [60], backend: backend)
      backend.accumulateColumnSums(of: Matrix(x).part(rows: 1..<5, columns: 3..<63), into: sums)
      wide += [x.values, sums.values]
      let found: [[Double]] = wide.map { $0.map { Double($0) } }
      return found + [total.doubles, matches.doubles, columns.indices.map { Double($0) }]
    }

    @Test(.enabled(if: FakeCUDA.computes, "no clang++ that makes kernels for the processor"))
    func `kernels beside a step's give the processor's numbers`() throws {
      let fake = try FakeCUDA(computes: true)
      let backends = [try CUDABackend(cache: fake.cache) as any Backend, CPUBackend(threadCount: 1)]
      let results = backends.map(Self.othersResults)
      for (found, expected) in zip(results[0], results[1]) {
        #expect(found.count == expected.count)
        for (a, b): (Double, Double) in zip(found, expected) {
          let bound = 2e-6 * max(1, abs(b))
          #expect(abs(a - b) <= bound, "\(a) \(b)")
        }
      }
    }
  }
}

extension Tensor {
  /// Overwrites one element, counted in row-major order.
  fileprivate func set(_ index: Int, to value: Float) {
    reshaped([count]).rows(index..<index + 1).assign([value])
  }
}
