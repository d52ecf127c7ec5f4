import ArgumentParser
import Checkpoints
import Foundation
import Telemetry

struct CheckpointCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "checkpoint",
    abstract: "Looks into checkpoints.",
    discussion: "Example: catlm checkpoint verify runs/smoke/checkpoints/step-00000100",
    subcommands: [Verify.self, Inspect.self, Export.self])

  struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Reads every byte of checkpoints and compares sizes and digests with the manifest.",
      discussion: "Example: catlm checkpoint verify runs/smoke/checkpoints/*")

    @Argument(help: "Checkpoint directories.")
    var paths: [String]

    func run() throws {
      var damaged: [String] = []
      for path in paths where !path.hasSuffix("/latest") {
        do {
          let checkpoint = try CheckpointDirectory(verifying: path)
          print("\(path): intact, step \(checkpoint.state?.step ?? 0)")
          for file in checkpoint.unknownFiles { print("  not in the manifest: \(file)") }
        } catch {
          print("\(path): NOT intact: \(error)")
          damaged.append(path)
        }
      }
      guard paths.contains(where: { !$0.hasSuffix("/latest") }) else {
        throw UserError("\(paths.joined(separator: ", ")): found no checkpoint directory")
      }
      guard damaged.isEmpty else { throw UserError("not intact: \(damaged.joined(separator: ", "))") }
    }
  }

  struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Lists a checkpoint's configuration, state and tensors.",
      discussion: "Example: catlm checkpoint inspect runs/smoke")

    @Argument(help: "A checkpoint, a run directory or a Hugging Face model directory.")
    var path: String

    func run() throws {
      let location = try CheckpointLocation(path)
      let checkpoint = location.checkpoint
      print(checkpoint.path)
      print(checkpoint.config.json(pretty: true))
      if let state = checkpoint.state { print(state.text, terminator: "") }
      var count = 0
      for name in checkpoint.weights.names {
        guard let info = checkpoint.weights.info(name) else { continue }
        print("\(name)  \(info.type.rawValue) \(info.shape)")
        count += info.elementCount
      }
      print("\(checkpoint.weights.names.count) tensors, \(Format.count(count)) parameters")
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
      guard shardBytes >= 1 else { throw ValidationError("--shard-bytes: found \(shardBytes), allowed: 1 and more") }
    }

    func run() throws {
      let location = try CheckpointLocation(path)
      try location.checkpoint.export(
        to: target, as: dtype.element, shardBytes: shardBytes, backend: Host.makeBackend(threadCount: 1))
      print("\(target): \(dtype.rawValue) model of \(location.checkpoint.path)")
    }
  }
}
