package import TensorCore
internal import Training

/// Times every kernel of a backend on the sizes that a training step gives it, beside the machine's ceilings.
package struct KernelBenchmark {
  /// Makes some cases with their tensors, when it is their turn.
  typealias CaseList = () -> [KernelCase]

  private let sizes: KernelSizes
  private let precision: ProductPrecision
  private let makeBackend: (ProductPrecision) -> any MemoryKernels
  private let backend: any MemoryKernels
  /// Seconds of measuring, for each kernel.
  private let seconds: Double
  private let filter: String

  /// - Parameters:
  ///   - seconds: how long each kernel is measured, about.
  ///   - filter: only kernels whose name contains it; empty for all.
  ///   - precision: of the operands of products.
  ///   - makeBackend: makes the backend that is timed, and the one of the ceiling of kernels that do not round.
  package init(
    _ size: BenchmarkSize, chunkSize: Int, seconds: Double, filter: String, precision: ProductPrecision = .float32,
    makeBackend: @escaping (ProductPrecision) -> any MemoryKernels
  ) throws {
    sizes = try KernelSizes(size, chunkSize: chunkSize)
    self.precision = precision
    self.makeBackend = makeBackend
    backend = makeBackend(precision)
    self.seconds = seconds
    self.filter = filter
  }

  /// Measures ceilings, kernels, and ceilings again: the better of the two count.
  ///
  /// - Parameter report: told the name of what comes next.
  package func run(report: (String) -> Void) -> (ceilings: Ceilings, kernels: [KernelMeasurement]) {
    var ceilings = Ceilings()
    report("ceilings")
    measureCeilings(&ceilings)
    var measurements: [KernelMeasurement] = []
    for cases in caseLists(KernelCases(sizes: sizes, backend: backend, precision: precision)) {
      for item in cases() where filter.isEmpty || item.name.contains(filter) {
        report(item.name)
        let times = CallTimes(seconds: seconds, item.call)
        measurements.append(
          KernelMeasurement(name: item.name, shape: item.shape, work: item.work, times: times))
      }
    }
    report("ceilings")
    measureCeilings(&ceilings)
    for product in measurements where product.name.hasPrefix(KernelCases.productName) {
      ceilings.note(productRate: product.rate, shape: product.shape, precision: precision)
    }
    return (ceilings, measurements)
  }

  private func measureCeilings(_ ceilings: inout Ceilings) {
    ceilings.measureMemory(backend, seconds: seconds)
    measureProducts(&ceilings, backend, precision)
    if precision != .float32 { measureProducts(&ceilings, makeBackend(.float32), .float32) }
  }

  private func measureProducts(_ ceilings: inout Ceilings, _ backend: any Backend, _ precision: ProductPrecision) {
    let products = ProductCeiling(sizes.cost, backend: backend, seconds: seconds / 4)
    if let shape = products.bestShape {
      ceilings.note(
        productRate: products.bestRate, shape: "\(shape.m)x\(shape.n)x\(shape.k)", precision: precision)
    }
  }

  private func caseLists(_ cases: KernelCases) -> [CaseList] {
    let products: [CaseList] = sizes.products.map { shape in { cases.products(shape) } }
    let others: [CaseList] = [
      { cases.attention("blocks", cases.sizes.blocks) },
      { cases.attention("staircase", cases.sizes.staircase) },
      { cases.attention("square", cases.sizes.square) },
      { cases.attention("causal", cases.sizes.causal) },
      { cases.attention("window", cases.sizes.window) },
      cases.cachedAttention, cases.norms, cases.swiGLU, cases.loss, cases.rows, cases.resampling, cases.biases,
      cases.elements, cases.update,
    ]
    return products + others
  }
}

/// Seconds of one piece of work that is done again and again.
package struct CallTimes: Hashable, Sendable {
  package let fastest: Double
  package let median: Double
  /// Calls that were timed.
  package let count: Int

  private static let fewestCalls = 3

  /// Calls `body` once without timing it, then for about `seconds`, and at least three times.
  package init(seconds: Double, _ body: () -> Void) {
    let clock = ContinuousClock()
    body()
    var times: [Double] = []
    let start = clock.now
    repeat {
      times.append(clock.measure(body) / .seconds(1))
    } while times.count < Self.fewestCalls || (clock.now - start) / .seconds(1) < seconds
    times.sort()
    fastest = times[0]
    median = times[times.count / 2]
    count = times.count
  }
}

extension [Double] {
  /// The middle value, of an even number the upper one; not a number if there is none.
  package var median: Double {
    isEmpty ? .nan : sorted()[count / 2]
  }
}
