import ArgumentParser
import Checkpoints
import ModelIO
import Telemetry

extension CheckpointCommand {
  struct Import: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Turns a model from PyTorch into a checkpoint.",
      discussion: """
        The source is a directory with config.json and model.safetensors, or shards with their index, in fp32, bf16 or \
        fp16: a CAT of flash-linear-attention, a Llama-style model of transformers (llama, mistral, qwen2, qwen3), or a \
        state dict of the authors' reference code with its configuration. Every tensor that is missing, unknown or \
        misshapen is listed, and nothing is written then.

        What comes out has no optimizer: evaluate and generate run it, train.initial_weights begins a run with it.

        Example: catlm checkpoint import cat-from-pytorch imported
        """)

    @Argument(help: "The directory from PyTorch; of a run directory, its newest checkpoint.")
    var source: String

    @Argument(help: "The checkpoint directory to write; it must not be there yet.")
    var target: String

    @Option(name: .customLong("shard-bytes"), help: "Most bytes of tensors in one file.")
    var shardBytes = 5_000_000_000

    func validate() throws {
      try OptionCheck.require("--shard-bytes", shardBytes, in: 1...)
    }

    func run() throws {
      // What comes from PyTorch may have been edited since something wrote a manifest beside it.
      let isPlain = CheckpointStore.runDirectory(named: source) == nil && CheckpointStore.target(ofLink: source) == nil
      let directory =
        isPlain ? try CheckpointDirectory(unverified: source) : try CheckpointLocation(source).checkpoint
      let imported = try directory.importModel(
        to: target, shardBytes: shardBytes, backend: Host.makeBackend(threadCount: 1))
      try Output.print(
        "\(target): \(imported.type) model of \(source), \(imported.tensorCount) tensors, "
          + "\(Format.count(imported.parameterCount)) parameters")
    }
  }
}
