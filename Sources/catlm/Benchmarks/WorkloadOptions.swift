import ArgumentParser
import Benchmarks
import Models
import TensorCore

/// What a training benchmark works on.
struct WorkloadOptions: ParsableArguments {
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

  @Option(help: "none, attention or blocks: what the backward pass computes again instead of keeping it.")
  var recompute = Recomputation.none

  func validate() throws {
    try OptionCheck.require("--chunk-size", chunkSize, in: 1...16)
    // Rows of a sample are counted in 32 bits.
    try OptionCheck.require("--context", context, in: 2...1 << 24)
    try OptionCheck.require("--batch-size", batchSize, in: 1...)
    try OptionCheck.require("--micro-batches", microBatches, in: 1...)
  }

  var workload: TrainWorkload {
    get throws {
      let context = context ?? size.context
      return TrainWorkload(
        config: model == .cat ? size.cat(context: context) : size.dense(context: context),
        sampleCount: batchSize ?? size.sampleCount, microBatchCount: microBatches, context: context,
        chunkSize: chunkSize, recomputation: recompute)
    }
  }
}

extension BenchmarkSize: ExpressibleByArgument {}
extension Recomputation: ExpressibleByArgument {}
