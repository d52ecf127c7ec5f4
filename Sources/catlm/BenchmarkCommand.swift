import ArgumentParser
import Benchmarks
import CPUBackend
import Foundation
import Models
import Settings
import Telemetry

struct BenchmarkCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "benchmark",
    abstract: "Measures speed against ceilings found in the same run.",
    discussion: "Example: catlm benchmark train --size S --chunk-size 16",
    subcommands: [Train.self, Checkpoint.self])

  struct Train: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Times training steps: tokens/s, GFLOP/s, share of the product ceiling, memory.",
      discussion: """
        Work counts 2·m·n·k for rows that must be computed, backward twice forward. The ceiling is the best rate of \
        the step's own product shapes, measured right after.

        Example: catlm benchmark train --size M --model cat --chunk-size 8 --threads 2 --json
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

    @Option(help: "Samples of a step; by default the size's.")
    var batch: Int?

    @Option(help: "Measured steps.")
    var steps = 5

    @Option(help: "Steps before the first measured one.")
    var warmup = 2

    @OptionGroup var threads: ThreadsOption

    @Flag(help: "One JSON object on standard output.")
    var json = false

    func validate() throws {
      guard (1...16).contains(chunkSize) else {
        throw ValidationError("--chunk-size: found \(chunkSize), allowed: 1 to 16")
      }
      guard steps >= 1, warmup >= 0, batch ?? 1 >= 1, context ?? 2 >= 2 else {
        throw ValidationError("--steps and --batch are at least 1, --context at least 2")
      }
    }

    func run() throws {
      let context = context ?? size.context
      let workload = TrainWorkload(
        config: model == .cat ? try size.cat(context: context) : try size.dense(context: context),
        sampleCount: batch ?? size.sampleCount, context: context, chunkSize: chunkSize)
      let threadCount = threads.count
      let measurement = try TrainBenchmark(workload, backend: Host.makeBackend(threadCount: threadCount))
        .run(warmup: warmup, steps: steps)
      let ceiling = ProductCeiling(workload.cost, backend: Host.makeBackend(threadCount: threadCount))
      let report = report(workload, measurement, ceiling, threadCount)
      print(json ? report.json(pretty: false) : report.yaml())
    }

    private func report(
      _ workload: TrainWorkload, _ measurement: TrainMeasurement, _ ceiling: ProductCeiling, _ threadCount: Int
    ) -> Setting {
      let seconds = measurement.medianSeconds
      let rate = workload.cost.trainingOperations / seconds
      return [
        "size": .text(size.rawValue), "model": .text(model.rawValue), "chunk_size": .integer(chunkSize),
        "context": .integer(workload.context), "batch": .integer(workload.sampleCount),
        "threads": .integer(threadCount), "blas": .text(CPUBackend.blasCoreName),
        "parameters": .integer(measurement.parameterCount), "step_seconds": .number(seconds),
        "step_seconds_min": .number(measurement.stepSeconds.min() ?? seconds),
        "tokens_per_second": .number(Double(workload.sampleCount * workload.context) / seconds),
        "gflops": .number(rate / 1e9), "ceiling_gflops": .number(ceiling.bestRate / 1e9),
        "ceiling_shape": .text(ceiling.bestShape.map { "\($0.m)x\($0.n)x\($0.k)" } ?? "none"),
        "share_of_ceiling": .number(rate / ceiling.bestRate),
        "tensor_bytes": .integer(measurement.tensorBytes),
        "peak_resident_bytes": .integer(measurement.peakResidentBytes),
        "new_buffers": .integer(measurement.allocationCount),
      ]
    }
  }
}

extension BenchmarkSize: ExpressibleByArgument {}
