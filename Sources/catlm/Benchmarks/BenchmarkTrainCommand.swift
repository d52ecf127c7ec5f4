import ArgumentParser
import Benchmarks
import CPUBackend
import CUDABackend
import Foundation
import JSON
import Models
import Parallel
import Settings
import TensorCore
import Training

extension BenchmarkCommand {
  struct Train: RankedCommand {
    static let configuration = CommandConfiguration(
      abstract: "Times training steps: tokens/s, GFLOP/s, share of the product ceiling, communication, memory.",
      discussion: """
        Work counts 2·m·n·k for rows that must be computed, backward twice forward. The ceiling is the best rate of \
        the step's own product shapes, measured right after.

        Under mpirun all ranks train one model; rates are sums over the ranks. Communication counts the time in calls \
        to other ranks, exposed is the part of it that a rank waited for, ranks that are late included. With \
        --independent every rank trains a model of its own, started together: what the ranks would reach if \
        communication cost nothing.

        A step that has no room in memory is refused before it begins.

        --sweep times every split of the cores into ranks and threads, each core with the same number of samples \
        (--batch-size, by default the size's), and says which is the fastest.

        On a GPU (--device cuda) kernels are compiled in the steps of the warm-up. --kernels makes one step more and lists \
        what each kernel of it took, events around each launch included.

        Example: catlm benchmark train --size M --model cat --chunk-size 8 --threads 2 --json
        Example: mpirun --bind-to none -np 2 catlm benchmark train --size S --threads 1
        Example: catlm benchmark train --size M --sweep
        """)

    @OptionGroup var work: WorkloadOptions

    @Option(help: "auto, cpu or cuda: where the steps are computed.")
    var device = DeviceOption.Choice.cpu

    @OptionGroup var products: PrecisionOption

    @Option(help: "Measured steps.")
    var steps = 5

    @Option(help: "Steps before the first measured one.")
    var warmup = 2

    @OptionGroup var communication: CommunicationOptions

    @Flag(help: "On a GPU: the time of each kernel, in one further step.")
    var kernels = false

    @Flag(help: "Every rank trains alone, without communication.")
    var independent = false

    @Flag(help: "Time every split of the cores into ranks and threads.")
    var sweep = false

    @OptionGroup var threads: ThreadsOption

    @Flag(help: "One JSON object on standard output.")
    var json = false

    func validate() throws {
      try OptionCheck.require("--steps", steps, in: 1...)
      try OptionCheck.require("--warmup", warmup, in: 0...)
      guard !sweep || device == .cpu else {
        throw OptionCheck.error("--sweep", found: "--device \(device.rawValue) beside it", allowed: "--device cpu")
      }
      guard !kernels || device != .cpu else {
        throw OptionCheck.error("--kernels", found: "--device cpu", allowed: "--device cuda, auto")
      }
      guard !sweep || threads.threads == nil else {
        throw OptionCheck.error("--sweep", found: "--threads beside it", allowed: "one of the two")
      }
    }

    func run() throws {
      if sweep { return try runSweep() }
      let workload = try work.workload
      try Ranks.run { group in
        let device = try ComputeDevice.chosen(device, in: group) { nil }
        if group.rank == 0, case .processor = device { products.warnIfSlow() }
        let report = try measure(workload, group, on: device)
        if group.rank == 0 { try Output.print(json ? report.json(pretty: false) : report.yaml()) }
      }
    }

    private func runSweep() throws {
      guard !ProcessGroups.isLaunched else {
        throw UserError("--sweep: found a launcher, allowed: none, for it starts ranks by itself")
      }
      let sweep = TrainSweep(
        sampleCount: work.batchSize ?? work.size.sampleCount, coreCount: Host.coreCount,
        arguments: Array(ProcessInfo.processInfo.arguments.dropFirst()))
      let reports = try sweep.run()
      try Output.print(json ? sweep.object(reports).json() : sweep.text(reports))
    }

    private func measure(
      _ workload: TrainWorkload, _ group: any ProcessGroup, on device: ComputeDevice
    ) throws -> JSONValue {
      let threadCount = try Host.threadCount(setting: threads.threads, group: group)
      let settings = communication.settings
      let isOverlapped = try settings.isOverlapped(
        in: group, hasSpareCore: try Host.hasSpareCore(beside: threadCount, group: group))
      let partners: any ProcessGroup = independent ? SoloGroup() : group
      let backend = try Ranks.prepare(on: group) {
        try device.makeBackend(threadCount: threadCount, precision: products.precision)
      }
      if group.rank == 0 { device.announce(backend) }
      let predictedBytes = try workload.requireRoom(
        device.room(for: backend, threadCount: threadCount), group: group, partners: partners, settings: settings
      ) { device.makePlanner(threadCount: threadCount, precision: products.precision) }
      let benchmark = try TrainBenchmark(
        workload, group: partners, settings: settings, isOverlapped: isOverlapped,
        backend: backend)
      let own = try benchmark.run(warmup: warmup, steps: steps, startingWith: group)
      let times = kernels ? try kernelTimes(of: benchmark, on: backend, startingWith: group) : []
      try benchmark.finish()
      let summary = try TrainSummary(own, workload, group: group)
      let ceiling = ProductCeiling(
        workload.cost,
        backend: try device.makeBackend(threadCount: threadCount, precision: products.precision))
      var ceilingRate = [ceiling.bestRate]
      try group.allReduce(.sum, &ceilingRate)
      let shape = ceiling.bestShape.map { "\($0.m)x\($0.n)x\($0.k)" } ?? "none"
      let report: JSONValue = [
        "size": .text(work.size.rawValue), "model": .text(work.model.rawValue), "chunk_size": .integer(work.chunkSize),
        "context": .integer(workload.context), "batch": .integer(workload.sampleCount),
        "micro_batches": .integer(workload.microBatchCount), "ranks": .integer(group.size),
        "independent": .flag(independent),
        "device": .text(device.name), "threads": .integer(threadCount), "processor": .text(Host.processorName),
        "blas": .text(CPUBackend.blasCoreName), "precision": .text(products.precision.rawValue),
        "parameters": .integer(own.parameterCount), "step_seconds": .number(summary.stepSeconds),
        "step_seconds_min": .number(summary.fastestStepSeconds),
        "tokens_per_second": .number(summary.tokensPerSecond), "gflops": .number(summary.operationsPerSecond / 1e9),
        "ceiling_gflops": .number(ceilingRate[0] / 1e9), "ceiling_shape": .text(shape),
        "share_of_ceiling": .number(summary.operationsPerSecond / ceilingRate[0]),
        "overlap": .flag(isOverlapped), "wire": .text(settings.wire.rawValue),
        "shard_optimizer": .flag(settings.shardsOptimizer), "bucket_bytes": .integer(settings.bucketBytes),
        "communication_seconds": .number(summary.communicationSeconds),
        "exposed_seconds": .number(summary.exposedSeconds), "share_overlapped": .number(summary.overlappedShare),
        "recompute": .text(work.recompute.rawValue), "tensor_bytes": .integer(own.tensorBytes),
        "predicted_tensor_bytes": .integer(predictedBytes), "peak_resident_bytes": .integer(own.peakResidentBytes),
        "new_buffers": .integer(own.allocationCount),
      ]
      guard kernels, case .mapping(let entries) = report else { return report }
      return .mapping(entries + [.init(key: "kernels", value: .list(times))])
    }

    /// What each kernel of one further step takes, the longest first.
    private func kernelTimes(
      of benchmark: TrainBenchmark, on backend: any Backend, startingWith group: any ProcessGroup
    ) throws -> [JSONValue] {
      guard let backend = backend as? CUDABackend else { return [] }
      let times = try backend.profile { _ = try benchmark.run(warmup: 0, steps: 1, startingWith: group) }
      return times.map {
        ["kernel": .text($0.name), "launches": .integer($0.launchCount), "seconds": .number($0.seconds)]
      }
    }
  }
}
