import Benchmarks
import TensorCore
import Testing

@Suite struct KernelBenchmarkTests {
  private static let names = [
    "product forward", "product input gradient", "product weight gradient", "attention blocks forward",
    "attention blocks backward", "attention staircase forward", "attention staircase backward",
    "attention square forward", "attention square backward", "attention causal forward", "attention causal backward",
    "attention window forward", "attention window backward",
    "append to cache", "attention cached", "norm forward", "norm backward", "swiglu forward", "swiglu backward",
    "cross-entropy",
    "cross-entropy with gradient", "argmax", "copy rows", "add rows", "resample", "resample gradient",
    "add bias", "column sums", "fill", "add", "scale", "sum", "sum of squares", "adamw",
  ]

  @Test(.enabled(if: isOptimised, "kernels without optimisation take minutes"))
  func `every kernel of a backend is timed`() throws {
    let benchmark = try KernelBenchmark(
      .small, chunkSize: 16, seconds: 0, filter: ""
    ) { Backends.make(threadCount: 2, precision: $0) }
    let (ceilings, kernels) = benchmark.run { _ in }
    #expect(Set(kernels.map(\.name)) == Set(Self.names))
    #expect(ceilings.copyRate > 0 && ceilings.triadRate > 0)
    for kernel in kernels {
      #expect(kernel.times.fastest > 0 && kernel.times.fastest <= kernel.times.median, "\(kernel.name)")
      #expect(kernel.rate > 0 && kernel.share(of: ceilings) > 0, "\(kernel.name)")
      if kernel.name.hasPrefix("product") {
        let operations = kernel.shape.split(separator: "x").compactMap { Double($0) }.reduce(2, *)
        #expect(kernel.work == .operations(operations, .float32), "\(kernel.name)")
      }
    }
  }

  @Test func `a filter picks kernels by name`() throws {
    let benchmark = try KernelBenchmark(
      .small, chunkSize: 4, seconds: 0, filter: "norm"
    ) { Backends.make(threadCount: 1, precision: $0) }
    var reported: [String] = []
    let (_, kernels) = benchmark.run { reported.append($0) }
    #expect(kernels.map(\.name) == ["norm forward", "norm backward"])
    // 8 samples of 127 full chunks, their dummy and 512 locals; 256 wide.
    #expect(kernels.map(\.shape) == ["[5120, 256]", "[5120, 256]"])
    #expect(reported == ["ceilings", "norm forward", "norm backward", "ceilings"])
    for kernel in kernels { #expect(kernel.work == .bytes(4 * 5120 * 256 * 4)) }
  }

  @Test func `rounded products have a ceiling of their own, attention that of products that are not rounded`() throws {
    let benchmark = try KernelBenchmark(
      .small, chunkSize: 16, seconds: 0, filter: "blocks forward", precision: .bfloat16
    ) { Backends.make(threadCount: 1, precision: $0) }
    let (ceilings, kernels) = benchmark.run { _ in }
    #expect(ceilings.product(.bfloat16).rate > 0 && ceilings.product(.float32).rate > 0)
    #expect(ceilings.product(.bfloat16) != ceilings.product(.float32))
    #expect(kernels.count == 1)
    for kernel in kernels { #expect(kernel.share(of: ceilings) == kernel.rate / ceilings.product(.float32).rate) }
  }

  @Test func `times are of three calls or more, the first one apart`() {
    var calls = 0
    let times = CallTimes(seconds: 0) { calls += 1 }
    #expect(calls == 4 && times.count == 3)
    #expect(times.fastest <= times.median)
  }
}

/// Whether this was compiled with optimisation: assertions are left out then.
private let isOptimised: Bool = {
  var isChecked = false
  assert(
    {
      isChecked = true
      return true
    }())
  return !isChecked
}()
