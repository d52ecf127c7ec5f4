import FaultSupport
import Foundation
import JSON
import Testing

/// A directory with a small run file and token shards, gone after the test.
final class Workspace {
  let path: String

  /// - Parameter isTrained: whether `run` holds a trained model.
  init(isTrained: Bool = false) throws {
    path = FileManager.default.temporaryDirectory.appending(path: "commands-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    try write(Self.text, "text.txt")
    try write(Self.runFile, "tiny.yaml")
    try catlm("tokenize", "--output", "data", "text.txt").succeeded()
    if isTrained { try train().succeeded() }
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path)
  }

  func file(_ name: String) -> String { path + "/" + name }

  func write(_ text: String, _ name: String) throws {
    try Data(text.utf8).write(to: URL(filePath: file(name)))
  }

  func bytes(_ name: String) throws -> Data {
    try Data(contentsOf: URL(filePath: file(name)))
  }

  func catlm(_ arguments: String...) throws -> Outcome {
    try Command.catlm(arguments, in: path).run()
  }

  /// Trains in the directory `run` to the run file's last step, or as the arguments say.
  func train(run: String = "run", _ arguments: String...) throws -> Outcome {
    try Command.catlm(Self.training(run) + arguments, in: path).run()
  }

  static func training(_ run: String) -> [String] { ["train", "tiny.yaml", "--run", run] }

  /// The training records of a run: those with a loss. A line that is being written is left out.
  func records(run: String = "run") throws -> [JSONValue] {
    guard let text = try? String(contentsOfFile: file(run + "/metrics.jsonl"), encoding: .utf8) else { return [] }
    let whole = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
    return try whole.map { try JSONValue(json: String($0)) }.filter { $0["loss"] != nil }
  }

  func losses(run: String = "run") throws -> [Double] {
    try records(run: run).map { try #require($0["loss"]?.numberValue) }
  }

  /// The newest checkpoint's directory, relative to the workspace.
  func latest(run: String = "run") throws -> String {
    let name = String(decoding: try bytes(run + "/checkpoints/latest"), as: UTF8.self)
    return run + "/checkpoints/" + name.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// Names of the files of a checkpoint that hold tensors.
  func tensorFiles(_ checkpoint: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: file(checkpoint)).filter { $0.hasSuffix(".safetensors") }
      .sorted()
  }

  /// Turns one bit in the middle of a file.
  func damage(_ name: String) throws {
    var data = try bytes(name)
    data[data.count / 2] ^= 0x10
    try data.write(to: URL(filePath: file(name)))
  }

  static let text = (0..<800).map { "\($0) times \($0) is \($0 * $0)\n" }.joined()

  private static let runFile = """
    \(TinyRun.model)
    data:
      tokenizer: bytes
      context: 32
      train: data
      validation: data
      validation_samples: 8
    optimizer:
      learning_rate: 1.0e-3
    train:
      steps: 12
      batch_size: 4
      chunk_sizes: [1, 2, 8]
    checkpoint:
      interval: 4
    parallel:
      threads: 1

    """
}
