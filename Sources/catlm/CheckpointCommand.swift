import ArgumentParser
import Checkpoints
import Foundation
import Telemetry

struct CheckpointCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "checkpoint",
    abstract: "Looks into checkpoints.",
    discussion: "Example: catlm checkpoint verify runs/smoke/checkpoints/step-00000100",
    subcommands: [Verify.self, Inspect.self])

  struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Reads every byte of checkpoints and compares sizes and digests with the manifest.",
      discussion: "Example: catlm checkpoint verify runs/smoke/checkpoints/*")

    @Argument(help: "Checkpoint directories.")
    var paths: [String]

    func run() throws {
      var damagedCount = 0
      for path in paths where !path.hasSuffix("/latest") {
        do {
          let checkpoint = try CheckpointDirectory(verifying: path)
          print("\(path): intact, step \(checkpoint.state?.step ?? 0)")
          for file in checkpoint.unknownFiles { print("  not in the manifest: \(file)") }
        } catch {
          print("\(path): NOT intact: \(error)")
          damagedCount += 1
        }
      }
      if damagedCount > 0 { throw ExitCode(Failure.inputCode) }
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
}
