import ArgumentParser
import Parallel
import Training

/// Options for what ranks tell each other: the keys of a run file's section `parallel`.
struct CommunicationOptions: ParsableArguments {
  @Option(
    help: "Gradients are summed during the backward pass (on), after it (off), or where it hides something (auto).")
  var overlap = ParallelConfig.Overlap.auto

  @Option(help: "float32 or bfloat16: how gradients travel.")
  var wire = WireFormat.float32

  @Option(name: .customLong("bucket-bytes"), help: "Bytes of gradients that are summed in one call.")
  var bucketBytes: Int?

  @Flag(name: .customLong("shard-optimizer"), help: "Each rank updates a part of the weights alone (ZeRO-1).")
  var shardsOptimizer = false

  @Flag(
    name: .customLong("shared-memory"), inversion: .prefixedNo,
    help: "Ranks that are all on one machine sum gradients in its memory; else by MPI.")
  var sharesMemory = true

  func validate() throws {
    try OptionCheck.require("--bucket-bytes", bucketBytes, in: ParallelConfig.bucketBytesRange)
  }

  /// The section that the options stand for.
  var settings: ParallelConfig {
    var config = ParallelConfig()
    config.overlap = overlap
    config.wire = wire
    config.shardsOptimizer = shardsOptimizer
    config.sharesMemory = sharesMemory
    if let bucketBytes { config.bucketBytes = bucketBytes }
    return config
  }
}

extension ParallelConfig.Overlap: ExpressibleByArgument {}
extension WireFormat: ExpressibleByArgument {}
