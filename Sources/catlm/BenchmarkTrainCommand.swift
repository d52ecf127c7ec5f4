import ArgumentParser
import Benchmarks
import CPUBackend
import Models
import Parallel
import Settings

extension BenchmarkCommand {
  struct Train: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Times training steps: tokens/s, GFLOP/s, share of the product ceiling, communication, memory.",
      discussion: """
        Work counts 2·m·n·k for rows that must be computed, backward twice forward. The ceiling is the best rate of \
        the step's own product shapes, measured right after.

        Under mpirun all ranks train one model; rates are sums over the ranks. Communication counts the time in calls \
        to other ranks, exposed is the part of it that a rank waited for, ranks that are late included. With \
        --independent every rank trains a model of its own, started together: what the ranks would reach if \
        communication cost nothing.

        Example: catlm benchmark train --size M --model cat --chunk-size 8 --threads 2 --json
        Example: mpirun --bind-to none -np 2 catlm benchmark train --size S --threads 1
        """)

    enum Architecture: String, ExpressibleByArgument, CaseIterable {
      case cat
      case dense
    }

    @Option(help: "S or M.")
    var size = BenchmarkSize.small

    @Option(help: "cat or dense.")
    var model = Architecture.cat

    @Option(name: .customLong("chunk-size"), help: "1 to 16.")
    var chunkSize = 16

    @Option(help: "Tokens of a sample; by default the size's.")
    var context: Int?

    @Option(
      name: [.customLong("batch-size"), .customLong("batch")],
      help: "Samples of a rank's micro-batch; by default the size's.")
    var batchSize: Int?

    @Option(name: .customLong("micro-batches"), help: "Micro-batches of a step.")
    var microBatches = 1

    @Option(help: "Measured steps.")
    var steps = 5

    @Option(help: "Steps before the first measured one.")
    var warmup = 2

    @OptionGroup var communication: CommunicationOptions

    @Flag(help: "Every rank trains alone, without communication.")
    var independent = false

    @OptionGroup var threads: ThreadsOption

    @Flag(help: "One JSON object on standard output.")
    var json = false

    func validate() throws {
      guard (1...16).contains(chunkSize) else {
        throw ValidationError("--chunk-size: found \(chunkSize), allowed: 1 to 16")
      }
      guard steps >= 1, warmup >= 0, batchSize ?? 1 >= 1, microBatches >= 1, context ?? 2 >= 2 else {
        throw ValidationError("--steps, --batch-size and --micro-batches are at least 1, --context at least 2")
      }
    }

    func run() throws {
      let workload = try workload
      try Ranks.run { group in
        let report = try measure(workload, group)
        if group.rank == 0 { print(json ? report.json(pretty: false) : report.yaml()) }
      }
    }

    private var workload: TrainWorkload {
      get throws {
        let context = context ?? size.context
        return TrainWorkload(
          config: model == .cat ? try size.cat(context: context) : try size.dense(context: context),
          sampleCount: batchSize ?? size.sampleCount, microBatchCount: microBatches, context: context,
          chunkSize: chunkSize)
      }
    }

    private func measure(_ workload: TrainWorkload, _ group: any ProcessGroup) throws -> Setting {
      let threadCount = try Host.threadCount(setting: threads.threads, group: group)
      let settings = try communication.settings
      let isOverlapped = try settings.isOverlapped(
        in: group, hasSpareCore: try Host.hasSpareCore(beside: threadCount, group: group))
      let benchmark = try TrainBenchmark(
        workload, group: independent ? SoloGroup() : group, settings: settings, isOverlapped: isOverlapped,
        backend: Host.makeBackend(threadCount: threadCount))
      let own = try benchmark.run(warmup: warmup, steps: steps, startingWith: group)
      try benchmark.finish()
      let summary = try TrainSummary(own, workload, group: group)
      let ceiling = ProductCeiling(workload.cost, backend: Host.makeBackend(threadCount: threadCount))
      var ceilingRate = [ceiling.bestRate]
      try group.sum(&ceilingRate)
      let shape = ceiling.bestShape.map { "\($0.m)x\($0.n)x\($0.k)" } ?? "none"
      return [
        "size": .text(size.rawValue), "model": .text(model.rawValue), "chunk_size": .integer(chunkSize),
        "context": .integer(workload.context), "batch": .integer(workload.sampleCount),
        "micro_batches": .integer(microBatches), "ranks": .integer(group.size), "independent": .flag(independent),
        "threads": .integer(threadCount), "blas": .text(CPUBackend.blasCoreName),
        "parameters": .integer(own.parameterCount), "step_seconds": .number(summary.stepSeconds),
        "step_seconds_min": .number(summary.fastestStepSeconds),
        "tokens_per_second": .number(summary.tokensPerSecond), "gflops": .number(summary.operationsPerSecond / 1e9),
        "ceiling_gflops": .number(ceilingRate[0] / 1e9), "ceiling_shape": .text(shape),
        "share_of_ceiling": .number(summary.operationsPerSecond / ceilingRate[0]),
        "overlap": .flag(isOverlapped), "wire": .text(settings.wire.rawValue),
        "shard_optimizer": .flag(settings.shardsOptimizer), "bucket_bytes": .integer(settings.bucketBytes),
        "communication_seconds": .number(summary.communicationSeconds),
        "exposed_seconds": .number(summary.exposedSeconds), "share_overlapped": .number(summary.overlappedShare),
        "tensor_bytes": .integer(own.tensorBytes), "peak_resident_bytes": .integer(own.peakResidentBytes),
        "new_buffers": .integer(own.allocationCount),
      ]
    }
  }
}

extension BenchmarkSize: ExpressibleByArgument {}
