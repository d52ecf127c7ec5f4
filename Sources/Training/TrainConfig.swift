package import Models
package import Settings
package import TensorCore

/// The `train` section of a run file.
package struct TrainConfig: Hashable, Sendable {
  package var steps: Int
  /// Samples of one optimizer step, over all ranks and micro-batches.
  package var batchSize: Int
  /// Micro-batches that a step's batch is cut into; one after the other, gradients added up.
  package var accumulation: Int
  /// What the backward pass computes again instead of keeping it.
  package var recomputation: Recomputation
  /// Of the operands of matrix products, in validation as well, and of the activations that only these and the kernels
  /// beside them read; weights, their gradients, moments, the residual stream and losses are single precision.
  package var precision: ProductPrecision
  package var seed: UInt64
  package var initialization: InitializationScheme
  /// Directory of a model whose weights a fresh run begins with: a checkpoint, a run, or one from PyTorch.
  package var initialWeights: String?
  package var chunks: ChunkSchedule
  /// Steps between validations; 0: only after the last.
  package var validationInterval: Int
  /// Stop after this many non-finite steps in a row.
  package var nonFiniteLimit: Int
  /// Skip the update of a step whose loss is so many standard deviations above the mean of those before it at the same
  /// chunk sizes; nil: never.
  package var spikeThreshold: Double?
  /// Losses that a loss is compared with.
  package var spikeWindow: Int

  package init(_ reader: SettingsReader, model: ModelConfig) throws(SettingsError) {
    steps = try reader.integer("steps", in: 1...1_000_000_000)
    batchSize = try reader.integer("batch_size", in: 1...(1 << 30))
    accumulation = try reader.integer("accumulation", default: 1, in: 1...batchSize)
    recomputation = try reader.choice("recompute", default: Recomputation.none)
    precision = try reader.choice("precision", default: .float32)
    seed = UInt64(try reader.integer("seed", default: 1337))
    initialization = try reader.choice("initialization", default: .fla)
    initialWeights = try reader.optionalText("initial_weights")
    chunks = try ChunkSchedule(reader, model: model)
    validationInterval = try reader.integer("validation_interval", default: 0)
    nonFiniteLimit = try reader.integer("nonfinite_limit", default: 10, in: 1...1_000_000)
    spikeThreshold = try reader.optionalNumber("spike_threshold", in: 1...1e9)
    spikeWindow = try reader.integer("spike_window", default: 32, in: 4...100_000)
  }
}
