import Foundation
import JSON
import Testing

/// A command line, to be started in a directory.
struct Command {
  let executable: String
  let arguments: [String]
  let directory: String

  /// The program itself.
  static func catlm(_ arguments: [String], in directory: String = Program.root) throws -> Command {
    Command(executable: try #require(Program.path), arguments: arguments, directory: directory)
  }

  /// The program on ranks of this machine.
  static func mpirun(ranks: Int, _ arguments: [String], in directory: String) throws -> Command {
    let launch = ["mpirun", "--oversubscribe", "--bind-to", "none", "-np", "\(ranks)"]
    return Command(
      executable: "/usr/bin/env", arguments: launch + [try #require(Program.path)] + arguments, directory: directory)
  }

  /// The program on one rank for each list of arguments.
  ///
  /// - Parameter settings: variables, `NAME=VALUE`, of each rank.
  static func mpirun(
    each arguments: [[String]], settings: [[String]] = [], in directory: String
  ) throws -> Command {
    let program = try #require(Program.path)
    let parts = arguments.enumerated().map { rank, arguments in
      ["-np", "1", "env"] + (rank < settings.count ? settings[rank] : []) + [program] + arguments
    }
    return Command(
      executable: "/usr/bin/env",
      arguments: ["mpirun", "--oversubscribe", "--bind-to", "none"] + parts.joined(separator: [":"]),
      directory: directory)
  }

  /// The same under another program, which takes it as its last arguments.
  func under(_ program: String, _ options: [String]) -> Command {
    Command(
      executable: "/usr/bin/env", arguments: [program] + options + [executable] + arguments, directory: directory)
  }

  /// The same with the signals of a terminal as one would send them: whoever started the tests may have had them ignored,
  /// as a shell does with those of what it runs in the background.
  var withDefaultSignals: Command { under("env", ["--default-signal=INT,HUP"]) }

  /// Runs to the end.
  func run() throws -> Outcome {
    try start().wait()
  }

  func start() throws -> RunningCommand {
    try RunningCommand(self)
  }
}

/// How a command ended and what it said.
struct Outcome {
  /// The exit code; 128 + the signal if one ended it.
  let code: Int32
  let output: String
  let errors: String

  var outputLines: [String] { output.split(separator: "\n").map(String.init) }
  var errorLines: [String] { errors.split(separator: "\n").map(String.init) }

  /// Standard output as JSON, an object a line.
  var objects: [JSONValue] {
    get throws { try outputLines.map { try JSONValue(json: $0) } }
  }

  /// The outcome, if the command succeeded; else what it said is reported.
  @discardableResult
  func succeeded(sourceLocation: SourceLocation = #_sourceLocation) throws -> Outcome {
    try #require(code == 0, "exit code \(code): \(errors)", sourceLocation: sourceLocation)
    return self
  }
}

/// A command that was started. What it says goes to files, so that no pipe can fill.
final class RunningCommand {
  private let process = Process()
  private let files: URL

  fileprivate init(_ command: Command) throws {
    files = FileManager.default.temporaryDirectory.appending(path: "command-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: files, withIntermediateDirectories: true)
    process.executableURL = URL(filePath: command.executable)
    process.arguments = command.arguments
    process.currentDirectoryURL = URL(filePath: command.directory)
    process.environment = Program.commandEnvironment
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try emptyFile("output")
    process.standardError = try emptyFile("errors")
    try Self.withoutBlockedSignals { try process.run() }
  }

  /// Threads that run tests block signals, and a process inherits what the thread that starts it blocks.
  private static func withoutBlockedSignals(_ body: () throws -> Void) rethrows {
    var none = sigset_t()
    var before = sigset_t()
    sigemptyset(&none)
    pthread_sigmask(SIG_SETMASK, &none, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    try body()
  }

  deinit {
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    try? FileManager.default.removeItem(at: files)
  }

  private func emptyFile(_ name: String) throws -> FileHandle {
    let url = files.appending(path: name)
    try Data().write(to: url)
    return try FileHandle(forWritingTo: url)
  }

  var processIdentifier: Int32 { process.processIdentifier }

  func send(_ signal: Int32) {
    kill(process.processIdentifier, signal)
  }

  /// What it wrote to standard error so far.
  func said() throws -> String {
    String(decoding: try Data(contentsOf: files.appending(path: "errors")), as: UTF8.self)
  }

  /// Waits for the end; after a time that no command here should need, kills it.
  func wait(atMost limit: Duration = .seconds(120)) throws -> Outcome {
    let ended = try poll(atMost: limit) { !process.isRunning }
    if !ended {
      send(SIGKILL)
      process.waitUntilExit()
    }
    let text = { (name: String) throws in
      String(decoding: try Data(contentsOf: self.files.appending(path: name)), as: UTF8.self)
    }
    let outcome = Outcome(
      code: process.terminationStatus + (process.terminationReason == .uncaughtSignal ? 128 : 0),
      output: try text("output"), errors: try text("errors"))
    try #require(ended, "not over after \(limit): \(outcome.errors)")
    return outcome
  }

  /// Waits until `condition` holds while the command runs.
  func wait(until condition: () throws -> Bool) throws {
    let isMet = try poll(atMost: .seconds(60)) { try condition() || !process.isRunning }
    try #require(isMet && process.isRunning, "ended or hangs before the moment that the test waits for")
  }

  private func poll(atMost limit: Duration, _ condition: () throws -> Bool) throws -> Bool {
    let end = ContinuousClock.now + limit
    while try !condition() {
      guard ContinuousClock.now < end else { return false }
      Thread.sleep(forTimeInterval: 0.005)
    }
    return true
  }
}
