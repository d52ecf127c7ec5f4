import ArgumentParser
import Checkpoints
import Foundation
import JSON
import ModelIO
import Settings
import Telemetry

struct CheckpointCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "checkpoint",
    abstract: "Looks into checkpoints; takes models out and in.",
    discussion: "Example: catlm checkpoint verify runs/smoke/checkpoints/step-00000100",
    subcommands: [Verify.self, Inspect.self, Export.self, Import.self, Diff.self])

  struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Reads every byte of checkpoints and compares sizes and digests with the manifest.",
      discussion: "Example: catlm checkpoint verify runs/smoke")

    @Argument(help: "Checkpoints, or run directories: all of their checkpoints.")
    var paths: [String]

    @Flag(help: "One JSON object a checkpoint on standard output.")
    var json = false

    func run() throws {
      let checkpoints = try paths.flatMap(Self.checkpoints)
      var damaged: [String] = []
      for path in checkpoints {
        let checkpoint: CheckpointDirectory
        do {
          checkpoint = try CheckpointDirectory(verifying: path)
        } catch {
          let object: JSONValue = ["path": .text(path), "intact": false, "reason": .text("\(error)")]
          try Output.print(json ? object.json() : "\(path): NOT intact: \(error)")
          damaged.append(path)
          continue
        }
        try report(path, checkpoint)
      }
      guard !checkpoints.isEmpty else {
        throw UserError("\(paths.joined(separator: ", ")): found no checkpoint directory")
      }
      guard damaged.isEmpty else { throw UserError("not intact: \(damaged.joined(separator: ", "))") }
    }

    /// What a path stands for: itself, or a run's checkpoints, oldest first. The file `latest` beside checkpoints, which
    /// a pattern of the shell matches too, stands for none.
    private static func checkpoints(_ path: String) throws -> [String] {
      if CheckpointStore.target(ofLink: path) != nil { return [] }
      guard let run = CheckpointStore.runDirectory(named: path) else { return [path] }
      return try CheckpointStore(runDirectory: run).list().reversed().map(\.path)
    }

    private func report(_ path: String, _ checkpoint: CheckpointDirectory) throws {
      guard !json else {
        let object: JSONValue = [
          "path": .text(path), "intact": true, "step": checkpoint.state.map { .integer($0.step) } ?? .null,
          "unknown_files": .list(checkpoint.unknownFiles.map(JSONValue.text)),
        ]
        return try Output.print(object.json())
      }
      try Output.print("\(path): intact, step \(checkpoint.state?.step ?? 0)")
      for file in checkpoint.unknownFiles { try Output.print("  not in the manifest: \(file)") }
    }
  }

  struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Lists a checkpoint's configuration, state and tensors.",
      discussion: "Example: catlm checkpoint inspect runs/smoke")

    @Argument(help: "A checkpoint, a run directory or a Hugging Face model directory.")
    var path: String

    @Flag(help: "One JSON object on standard output.")
    var json = false

    @Flag(name: .customLong("model-section"), help: "Only the section model of a run file that describes this model.")
    var modelSection = false

    func run() throws {
      let checkpoint = try CheckpointLocation(path).checkpoint
      guard !modelSection else {
        let section = try ModelSource(checkpoint).config.section
        return try Output.print(json ? section.json() : String(section.yaml().dropLast()))
      }
      let tensors = checkpoint.weights.names.compactMap(checkpoint.weights.info)
      let count = tensors.reduce(0) { $0 + $1.elementCount }
      guard !json else { return try Output.print(try object(checkpoint, tensors, count).json()) }
      try Output.print(checkpoint.path)
      try Output.print(checkpoint.config.json(pretty: true))
      if let state = checkpoint.state { try Output.write(Array(state.text.utf8)) }
      for info in tensors { try Output.print("\(info.name)  \(info.type.rawValue) \(info.shape)") }
      try Output.print("\(tensors.count) tensors, \(Format.count(count)) parameters")
    }

    private func object(_ checkpoint: CheckpointDirectory, _ tensors: [TensorInfo], _ count: Int) throws -> JSONValue {
      let list: [JSONValue] = tensors.map { info in
        [
          "name": .text(info.name), "type": .text(info.type.rawValue),
          "shape": .list(info.shape.map(JSONValue.integer)),
        ]
      }
      return [
        "path": .text(checkpoint.path), "config": checkpoint.config,
        "state": try checkpoint.state.map { try JSONValue(json: $0.text) } ?? .null, "tensors": .list(list),
        "parameters": .integer(count),
      ]
    }
  }

  struct Export: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Writes the model alone as a Hugging Face directory.",
      discussion: "Example: catlm checkpoint export runs/smoke exported --dtype bf16")

    enum StoredType: String, ExpressibleByArgument, CaseIterable {
      case fp32
      case bf16
      case fp16

      var element: ElementType {
        switch self {
        case .fp32: .float32
        case .bf16: .bfloat16
        case .fp16: .float16
        }
      }
    }

    @Argument(help: "A checkpoint or a run directory.")
    var path: String

    @Argument(help: "The directory to write; it must not be there yet.")
    var target: String

    @Option(help: "fp32, bf16 or fp16.")
    var dtype = StoredType.fp32

    @Option(name: .customLong("shard-bytes"), help: "Most bytes of tensors in one file.")
    var shardBytes = 5_000_000_000

    func validate() throws {
      try OptionCheck.require("--shard-bytes", shardBytes, in: 1...)
    }

    func run() throws {
      let location = try CheckpointLocation(path)
      let reader = try location.checkpoint.export(
        to: target, as: dtype.element, shardBytes: shardBytes, backend: Host.makeBackend(threadCount: 1))
      try Output.print(
        "\(target): \(dtype.rawValue) model of \(location.checkpoint.path), for \(reader ?? "this program alone")")
    }
  }
}

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
