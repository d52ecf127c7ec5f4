import ArgumentParser
import Foundation
import JSON
import Parity

struct ParityCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "parity",
    abstract: "Compares this build with reference tensors.",
    discussion: """
      Each directory holds config.json, model.safetensors and golden.safetensors (logits, losses, gradients of every \
      parameter), perhaps generate_p*.safetensors (greedy tokens); or train.json and train.safetensors (a training \
      run). Exits with 1 if anything is farther away than single precision explains.

      Example: catlm parity golden/tiny golden/odd golden/train_tiny
      """)

  @Argument(help: "Directories with reference tensors.")
  var directories: [String]

  @Flag(help: "One JSON object a directory on standard output.")
  var json = false

  @OptionGroup var device: DeviceOption

  @OptionGroup var threads: ThreadsOption

  func run() throws {
    var allHold = true
    let device = try ComputeDevice.chosen(device.device)
    let backend = try device.makeBackend(threadCount: threads.count)
    device.announce(backend)
    for directory in directories {
      let report =
        TrajectoryCase.exists(in: directory)
        ? try TrajectoryCase(directory: directory, backend: backend).compare()
        : try ParityCase(directory: directory, backend: backend).compare()
      try Output.print(json ? report.json : report.text)
      allHold = allHold && report.holds
    }
    if !allHold { throw ExitCode(1) }
  }
}

extension ParityReport {
  fileprivate var text: String {
    let lines = worst.map { row in
      let place = [row.tensor, row.chunkSize.map { "C = \($0)" }].compactMap { $0 }.joined(separator: ", ")
      let error = String(format: "%.2e", row.error)
      let bound = String(format: "%.0e", row.bound)
      return "  \(row.holds ? "ok  " : "FAIL") \(row.quantity): worst \(error) of \(bound) (\(place))"
    }
    return (["\(directory): \(rows.count) comparisons, \(holds ? "all hold" : "NOT equal")"] + lines)
      .joined(separator: "\n")
  }

  fileprivate var json: String {
    let entries = worst.map { row -> JSONValue in
      [
        "quantity": .text(row.quantity), "tensor": row.tensor.map(JSONValue.text) ?? .null,
        "chunk_size": row.chunkSize.map(JSONValue.integer) ?? .null, "error": .number(row.error),
        "bound": .number(row.bound), "holds": .flag(row.holds),
      ]
    }
    let object: JSONValue = [
      "directory": .text(directory), "comparisons": .integer(rows.count), "holds": .flag(holds),
      "worst": .list(entries),
    ]
    return object.json(pretty: false)
  }
}
