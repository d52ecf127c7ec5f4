package import JSON
package import Models
package import Settings
package import TensorCore

/// The `train` section of a run file.
package struct TrainConfig: Hashable, Sendable {
  package var steps: Int
  /// Samples of one optimizer step, over all ranks and micro-batches.
  package var batchSize: Int
  /// Micro-batches that a step's batch is cut into; one after the other, gradients added up.
  package var accumulation = 1
  /// What the backward pass computes again instead of keeping it.
  package var recomputation = Recomputation.none
  /// Of the operands of matrix products, in validation as well, and of the activations that only these and the kernels
  /// beside them read; weights, their gradients, moments, the residual stream and losses are single precision.
  package var precision = ProductPrecision.float32
  private var nonNegativeSeed = 1337
  package var initialization = InitializationScheme.fla
  /// Directory of a model whose weights a fresh run begins with: a checkpoint, a run, or one from PyTorch.
  package var initialWeights: String?
  package var chunks: ChunkSchedule
  /// Steps between validations; 0: only after the last.
  package var validationInterval = 0
  package var samples = SampleConfig()
  /// Stop after this many non-finite steps in a row.
  package var nonFiniteLimit = 10
  /// Skip the update of a step whose loss is so many standard deviations above the mean of those before it at the same
  /// chunk sizes; nil: never.
  package var spikeThreshold: Double?
  /// Steps, counted from 1, whose course is written down.
  package var traceSteps: [Int] = []
  /// Losses that a loss is compared with.
  package var spikeWindow = 32

  package var seed: UInt64 { UInt64(nonNegativeSeed) }

  /// - Parameters:
  ///   - batchSize: samples of one optimizer step, over all ranks and micro-batches.
  ///   - model: what is trained; gives the chunk sizes.
  package init(steps: Int, batchSize: Int, model: ModelConfig) {
    self.steps = steps
    self.batchSize = batchSize
    chunks = ChunkSchedule(model: model)
  }

  package init(_ reader: JSONReader, model: ModelConfig) throws(JSONError) {
    self.init(steps: 1, batchSize: 1, model: model)
    // They say nothing about a model without chunks, and its resolved configuration is silent on them.
    let unused = model.chunkSizes == nil ? ["chunk_sizes", "chunk_weights"] : []
    reader.ignore(unused)
    try reader.read(Self.keys.filter { !unused.contains($0.name) }, into: &self)
    guard accumulation <= batchSize else {
      throw reader.invalid("accumulation", found: "\(accumulation)", allowed: "at most batch_size \(batchSize)")
    }
    try chunks.check(reader, model: model)
    if let step = traceSteps.first(where: { $0 > steps }) {
      throw reader.invalid("trace_steps", found: "\(step)", allowed: "at most steps \(steps)")
    }
  }

  private static let keys: [Key<Self>] =
    [
      .integer("steps", \.steps, default: .required, in: 1...1_000_000_000, "Optimizer steps of the whole run."),
      .integer(
        "batch_size", \.batchSize, default: .required, in: 1...(1 << 30),
        "Samples of one optimizer step, over all ranks and micro-batches."),
      .integer(
        "accumulation", \.accumulation, in: 1...(1 << 30),
        "Micro-batches that a step's batch is cut into, one after the other; at most batch_size."),
      .choice(
        "recompute", \.recomputation,
        "What the backward pass computes again, to the bit, instead of keeping it: norms alone (none), attention's "
          + "projection too (attention), or whole blocks, of which only the stream that enters them is kept (blocks)."),
      .choice(
        "precision", \.precision,
        "What the operands of matrix products, and the activations that only these read, are rounded to, in validation "
          + "as well; weights, gradients, moments, the residual stream and losses stay float32."),
      .integer("seed", \.nonNegativeSeed, "Seed of initial weights, of the data's order and of the chunk sizes."),
      .choice(
        "initialization", \.initialization,
        "First weights as flash-linear-attention makes them (fla: every matrix from N(0, initializer_range²)) or as "
          + "the authors' code does (reference: scaled by widths and depth)."),
      .optionalText(
        "initial_weights", \.initialWeights, allowed: "a path",
        "A model whose weights a fresh run begins with: a checkpoint, a run directory, or a directory from PyTorch."),
    ] + ChunkSchedule.keys.map { $0.at(\.chunks) } + [
      .integer(
        "validation_interval", \.validationInterval,
        "Steps between validations; 0: only after the last step.")
    ] + SampleConfig.keys.map { $0.at(\.samples) } + [
      .integer(
        "nonfinite_limit", \.nonFiniteLimit, in: 1...1_000_000,
        "The run ends after this many steps in a row whose loss or gradient is not finite; such steps change nothing."),
      .optionalNumber(
        "spike_threshold", \.spikeThreshold, in: 1...1e9,
        "A step whose loss is so many standard deviations above the mean of those before it, at the same chunk sizes, "
          + "changes nothing."),
      .integer(
        "spike_window", \.spikeWindow, in: 4...100_000, "Losses that spike_threshold compares a loss with."),
      .integers(
        "trace_steps", \.traceSteps, in: 1...1_000_000_000,
        "Steps, counted from 1, of which trace.json in the run directory shows what all ranks did when; Perfetto opens "
          + "it."),
    ]

  package static let declaration = SectionDeclaration(
    name: "train", sentence: "Steps, batches, precision, and what a run begins with.",
    keys: keys.declarations(Self(steps: 1, batchSize: 1, model: ModelConfig(CATConfig()))))
}
