import ArgumentParser
import Benchmarks
import CPUBackend
import CUDABackend
import JSON
import Parallel
import Telemetry
import TensorCore

extension BenchmarkCommand {
  struct Kernels: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Times every kernel on the sizes of a training step, against ceilings of the same run.",
      discussion: """
        Products are held against the fastest product of operands in the same precision, attention against that in \
        float32, all others against memory: the better of a copy and a triad of arrays of 128 MiB. The fastest call \
        counts. Work counts multiplications and additions that cannot be left out, a backward pass of attention twice \
        its forward pass; traffic counts every array that is read or written once. A share above 1 says that caches \
        held some of it, or that the kernel works in place: a copy and a triad read what they overwrite, which does \
        not count.

        On a GPU (--device cuda), every kernel is first compared with the processor's on a small problem, within what the \
        roundings of its types allow; then it is timed on the sizes of a step, operands in bfloat16. Its floor is the \
        time of its tiles at the rate of a large product, or of its bytes at that of a copy, whichever is longer. Kernels \
        are compiled for the GPU at the first run and kept in CATLM_CACHE, else ~/.cache/catlm; CATLM_CUDA_PATH names \
        folders of CUDA's libraries (libnvrtc, libcublasLt) where the system does not find them. Exit code 2 without a \
        GPU, 1 if a kernel is wrong.

        Example: catlm benchmark kernels --size M --threads 2 --json
        """)

    @Option(help: "cpu or cuda.")
    var device = KernelDevice.cpu

    @Option(help: "S or M (default: S); on a GPU S, 768 or 1536, the width of the decoder (default: 768).")
    var size: String?

    @Option(name: .customLong("chunk-size"), help: "1 to 16.")
    var chunkSize = 16

    @Option(help: "Seconds of measuring, for each kernel.")
    var seconds = 0.2

    @Option(help: "Only kernels whose name contains this, such as attention.")
    var only = ""

    @OptionGroup var products: PrecisionOption

    @OptionGroup var threads: ThreadsOption

    @Flag(help: "One JSON object on standard output.")
    var json = false

    func validate() throws {
      switch device {
      case .cpu: _ = try processorSize
      case .cuda: _ = try deviceSize
      }
      try OptionCheck.require("--chunk-size", chunkSize, in: 1...16)
      guard seconds > 0, seconds.isFinite else {
        throw OptionCheck.error("--seconds", found: "\(seconds)", allowed: "more than 0")
      }
    }

    private var processorSize: BenchmarkSize {
      get throws { try named(size, .small) }
    }

    private var deviceSize: DeviceBenchmarkSize {
      get throws { try named(size, .wide768) }
    }

    /// The size of a name, the standard one for none.
    private func named<Size: RawRepresentable & CaseIterable>(
      _ name: String?, _ standard: Size
    ) throws -> Size where Size.RawValue == String {
      guard let name else { return standard }
      guard let size = Size(rawValue: name) else {
        throw OptionCheck.error(
          "--size", found: name, allowed: Size.allCases.map(\.rawValue).joined(separator: ", "))
      }
      return size
    }

    func run() throws {
      switch device {
      case .cpu: try runOnProcessor()
      case .cuda:
        let kernels = DeviceKernels(
          size: try deviceSize, chunkSize: chunkSize, seconds: seconds, filter: only, threadCount: threads.count)
        try kernels.run(json: json)
      }
    }

    private func runOnProcessor() throws {
      let size = try processorSize
      products.warnIfSlow()
      let (threadCount, precision) = (threads.count, products.precision)
      try Host.room(threadCount: threadCount).require(
        Ceilings.arrayBytes, remedies: ["fewer --threads (\(threadCount))"], in: SoloGroup())
      let benchmark = try KernelBenchmark(
        size, chunkSize: chunkSize, seconds: seconds, filter: only, precision: precision
      ) { Host.makeBackend(threadCount: threadCount, precision: $0) }
      let console = Console.standardError
      let (ceilings, kernels) = benchmark.run { name in
        if console.isTerminal { console.show(status: name) }
      }
      console.endStatus()
      guard !kernels.isEmpty else { throw UserError("--only: found \(only), allowed: part of a kernel's name") }
      let backend = Host.makeBackend(threadCount: threadCount, precision: precision)
      if json {
        try Output.print(object(size, ceilings, kernels, machine: Host.machine(of: backend)).json())
      } else {
        try Output.print(
          KernelTable.text(ceilings, kernels, precision: precision, equipment: Host.equipment(of: backend)))
      }
    }

    private func object(
      _ size: BenchmarkSize, _ ceilings: Ceilings, _ kernels: [KernelMeasurement], machine: JSONValue
    ) -> JSONValue {
      let (product, exact) = (ceilings.product(products.precision), ceilings.product(.float32))
      return [
        "size": .text(size.rawValue), "chunk_size": .integer(chunkSize), "threads": .integer(threads.count),
        "precision": .text(products.precision.rawValue), "machine": machine,
        "ceilings": [
          "copy_bytes_per_second": .number(ceilings.copyRate), "triad_bytes_per_second": .number(ceilings.triadRate),
          "memory_bytes_per_second": .number(ceilings.memoryRate),
          "product_operations_per_second": .number(product.rate), "product_shape": .text(product.shape),
          "float32_product_operations_per_second": .number(exact.rate), "float32_product_shape": .text(exact.shape),
        ],
        "kernels": .list(kernels.map { KernelTable.object($0, ceilings) }),
      ]
    }
  }
}

extension CPUBackend: MemoryKernels {}
