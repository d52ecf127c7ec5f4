import FaultSupport
import Foundation

/// A command line.
struct Command {
  let executable: String
  let arguments: [String]
  /// Where the files that catch what it says go.
  let bench: Bench

  /// The same under another program, which takes it as its last arguments.
  func under(_ program: String, _ options: [String]) -> Command {
    Command(executable: "/usr/bin/env", arguments: [program] + options + [executable] + arguments, bench: bench)
  }

  func start() throws -> Running {
    try Running(self)
  }

  func run(atMost limit: Duration = .seconds(300)) throws -> Outcome {
    try start().wait(atMost: limit)
  }

  /// Runs to the end, which must be a good one.
  @discardableResult
  func succeed() throws -> Outcome {
    let outcome = try run()
    try expect(outcome.code == 0, "\(arguments.joined(separator: " ")) ended with \(outcome.code): \(outcome.brief)")
    return outcome
  }
}

/// How a command ended and what it said.
struct Outcome {
  /// The exit code; 128 + the signal if one ended it.
  let code: Int32
  let output: String
  let errors: String

  /// The end of what it said.
  var brief: String { String(errors.suffix(600)) }
}

/// A command that was started; killed if it is given up.
final class Running {
  private let process = Process()
  private let files: String
  private static nonisolated let environment: [String: String] = {
    var values = ProcessInfo.processInfo.environment
    for name in ["OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"] { values[name] = nil }
    values["OMPI_ALLOW_RUN_AS_ROOT"] = "1"
    values["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1"
    values["OMPI_MCA_btl_vader_single_copy_mechanism"] = "none"
    values["OPENBLAS_NUM_THREADS"] = "1"
    values["SWIFT_BACKTRACE"] = "enable=no"
    return values
  }()

  fileprivate init(_ command: Command) throws {
    files = command.bench.file("said-\(UUID().uuidString)")
    try FileManager.default.createDirectory(atPath: files, withIntermediateDirectories: true)
    process.executableURL = URL(filePath: command.executable)
    process.arguments = command.arguments
    process.currentDirectoryURL = URL(filePath: command.bench.path)
    var environment = Self.environment
    environment["CATLM_BINARY"] = command.bench.catlm
    process.environment = environment
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try emptyFile("output")
    process.standardError = try emptyFile("errors")
    try process.run()
  }

  deinit {
    if process.isRunning {
      for rank in ranks { kill(rank, SIGKILL) }
      kill(process.processIdentifier, SIGKILL)
    }
    try? FileManager.default.removeItem(atPath: files)
  }

  private func emptyFile(_ name: String) throws -> FileHandle {
    let path = files + "/" + name
    try Data().write(to: URL(filePath: path))
    return try FileHandle(forWritingTo: URL(filePath: path))
  }

  var processIdentifier: Int32 { process.processIdentifier }
  var isRunning: Bool { process.isRunning }

  /// The processes of the program below this one; this one itself if it is the program. Under mpirun in rank order.
  var ranks: [Int32] { ProcessTree.named("catlm", below: processIdentifier) }

  func send(_ signal: Int32) { kill(processIdentifier, signal) }

  /// What was said so far.
  func text(_ name: String) -> String {
    String(decoding: FileManager.default.contents(atPath: files + "/" + name) ?? Data(), as: UTF8.self)
  }

  /// Waits for the end; after a time that no command here should need, kills it, which is a failure.
  func wait(atMost limit: Duration = .seconds(300)) throws -> Outcome {
    let isOver = poll(atMost: limit) { !self.process.isRunning }
    if !isOver {
      for rank in ranks { kill(rank, SIGKILL) }
      send(SIGKILL)
      process.waitUntilExit()
    }
    let code = process.terminationStatus + (process.terminationReason == .uncaughtSignal ? 128 : 0)
    let outcome = Outcome(code: code, output: text("output"), errors: text("errors"))
    try expect(isOver, "not over after \(limit): \(outcome.brief)")
    return outcome
  }

  /// Waits until `condition` holds while the command runs.
  func wait(until condition: () throws -> Bool) throws {
    let isMet = try poll(atMost: .seconds(120)) { try condition() || !process.isRunning }
    try expect(
      isMet && process.isRunning, "ended or hangs before the moment that is waited for: \(text("errors").suffix(600))")
  }

  private func poll(atMost limit: Duration, _ condition: () throws -> Bool) rethrows -> Bool {
    let end = ContinuousClock.now + limit
    while try !condition() {
      guard ContinuousClock.now < end else { return false }
      usleep(1000)
    }
    return true
  }
}
