import ArgumentParser
import Checkpoints
import Foundation
import JSON
import Telemetry

extension CheckpointCommand {
  struct Diff: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "diff",
      abstract: "Says in what two checkpoints differ: tensors, configuration, state.",
      discussion: """
        The exit code is 0 if they hold the same and 1 if they differ. A tensor's line gives how many elements differ \
        and the largest difference.

        Example: catlm checkpoint diff runs/a/checkpoints/step-00000100 runs/b/checkpoints/step-00000100
        """)

    @Argument(help: "A checkpoint, a run directory or a Hugging Face model directory.")
    var first: String

    @Argument(help: "The same.")
    var second: String

    @Flag(help: "One JSON object on standard output.")
    var json = false

    func run() throws {
      let (left, right) = (try CheckpointLocation(first), try CheckpointLocation(second))
      let runs = [(CheckpointDirectory.runConfigName, left.run?.resolved ?? .null, right.run?.resolved ?? .null)]
      let difference = try CheckpointDifference(left.checkpoint, right.checkpoint, extra: runs)
      if json {
        try Output.print(report(difference, left.checkpoint, right.checkpoint).json())
      } else {
        for line in lines(difference) { try Output.print(line) }
      }
      if !difference.isEmpty { throw ExitCode(1) }
    }

    private func lines(_ difference: CheckpointDifference) -> [String] {
      let common = "\(difference.commonCount) tensors in both"
      guard !difference.isEmpty else { return ["no difference: \(common), configuration and state"] }
      let settings = difference.settings.map { "\($0.key): \($0.first.json()) | \($0.second.json())" }
      let differing = difference.tensors.map { tensor in
        switch tensor.kind {
        case .onlyInFirst: "\(tensor.name): only in the first"
        case .onlyInSecond: "\(tensor.name): only in the second"
        case .form(let first, let second): "\(tensor.name): \(first) | \(second)"
        case .values(let count, let total, let largest):
          "\(tensor.name): \(count) of \(total) elements differ, by at most \(Format.scientific(largest, digits: 3))"
        }
      }
      return settings + differing + ["\(common), \(difference.tensors.count) tensors differ"]
    }

    private func report(
      _ difference: CheckpointDifference, _ left: CheckpointDirectory, _ right: CheckpointDirectory
    ) -> JSONValue {
      let settings: [JSONValue] = difference.settings.map { setting in
        ["key": .text(setting.key), "first": setting.first, "second": setting.second]
      }
      let tensors: [JSONValue] = difference.tensors.map { tensor in
        switch tensor.kind {
        case .onlyInFirst: ["name": .text(tensor.name), "only_in": "first"]
        case .onlyInSecond: ["name": .text(tensor.name), "only_in": "second"]
        case .form(let first, let second):
          ["name": .text(tensor.name), "first": .text(first), "second": .text(second)]
        case .values(let count, let total, let largest):
          [
            "name": .text(tensor.name), "differing": .integer(count), "elements": .integer(total),
            "largest": .number(largest),
          ]
        }
      }
      return [
        "first": .text(left.path), "second": .text(right.path), "equal": .flag(difference.isEmpty),
        "common_tensors": .integer(difference.commonCount), "settings": .list(settings), "tensors": .list(tensors),
      ]
    }
  }
}
