import Checkpoints
import FaultSupport
import Foundation
import Settings
import Training

/// Where a check does its work: a directory with token shards and a small run file, and the program to be tried.
final class Bench {
  let path: String
  /// The program itself.
  let catlm: String
  /// The root of the repository.
  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().path

  private var isFilled = false

  init(path: String) throws {
    self.path = path
    catlm = try Self.program()
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  /// `CATLM_BINARY`, or the program that was built beside this one.
  private static func program() throws -> String {
    if let named = ProcessInfo.processInfo.environment["CATLM_BINARY"], !named.isEmpty { return named }
    let own = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    let beside = own.deletingLastPathComponent().appending(path: "catlm").path
    guard FileManager.default.isExecutableFile(atPath: beside) else {
      throw NotPossible("no catlm to try: set CATLM_BINARY, or build it")
    }
    return beside
  }

  func file(_ name: String) -> String { path + "/" + name }

  /// Makes an empty directory for an attempt; one that is there goes.
  func directory(_ name: String) throws -> String {
    let directory = file(name)
    remove(directory)
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    return directory
  }

  func remove(_ path: String) {
    try? FileManager.default.removeItem(atPath: path)
  }

  /// Writes the shards and the run file on which the program trains.
  func fill() throws {
    if isFilled { return }
    isFilled = true
    let text = (0..<2500).map { "\($0) times \($0) is \($0 * $0)\n" }.joined()
    try Data(text.utf8).write(to: URL(filePath: file("text.txt")))
    try Data(RunText.tiny(data: file("data")).utf8).write(to: URL(filePath: file("tiny.yaml")))
    let outcome = try command(["tokenize", "--output", file("data"), file("text.txt")]).run()
    try expect(outcome.code == 0, "tokenize ended with \(outcome.code): \(outcome.errors)")
  }

  /// The program with arguments.
  func command(_ arguments: [String], ranks: Int? = nil) -> Command {
    guard let ranks else { return Command(executable: catlm, arguments: arguments, bench: self) }
    let launch = ["mpirun", "--oversubscribe", "--bind-to", "none", "-np", "\(ranks)", catlm]
    return Command(executable: "/usr/bin/env", arguments: launch + arguments, bench: self)
  }

  /// Training of the tiny run file in the directory `run`.
  ///
  /// - Parameters:
  ///   - ranks: processes under mpirun; nil for one without it.
  ///   - overrides: each `section.key=value`.
  func training(run: String, ranks: Int? = nil, _ overrides: [String], more: [String] = []) throws -> Command {
    try fill()
    let sets = overrides.flatMap { ["--set", $0] }
    return command(["train", file("tiny.yaml"), "--run", run] + more + sets, ranks: ranks)
  }

  /// How checkpoints may be written: the overrides that choose it.
  static let checkpointModes: [[String]] =
    accepts("checkpoint.mode=async") ? [["checkpoint.mode=async"], ["checkpoint.mode=blocking"]] : [[]]

  /// Every checkpoint that is due is there when its step is over.
  static let blocking = checkpointModes[checkpointModes.count - 1]

  /// Whether this build knows a setting.
  static func accepts(_ override: String) -> Bool {
    let yaml = RunText.tiny(data: "data")
    guard let file = try? RunFile(yaml: yaml, overrides: [override], name: "tiny") else { return false }
    return (try? RunConfig(file)) != nil
  }
}

/// Texts of run files.
enum RunText {
  /// - Parameter data: the shards.
  static func tiny(data: String) -> String {
    """
    \(TinyRun.model)
    data:
      tokenizer: bytes
      context: 32
      train: \(data)
    optimizer:
      learning_rate: 1.0e-3
    schedule:
      kind: cosine
      warmup_steps: 5
    train:
      steps: 12
      batch_size: 8
      chunk_sizes: [2, 4, 8]
    checkpoint:
      interval: 4
      shard_bytes: 49152
    parallel:
      threads: 1

    """
  }
}
