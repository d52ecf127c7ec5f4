import Foundation
import Testing

/// The launch scripts, with programs in the place of those that they start.
extension Workspace {
  /// Writes a shell script that a test puts in a program's place.
  func write(program name: String, _ body: String) throws {
    try FileManager.default.createDirectory(
      atPath: URL(filePath: file(name)).deletingLastPathComponent().path, withIntermediateDirectories: true)
    try write("#!/bin/bash\n" + body + "\n", name)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file(name))
  }

  /// A script of `launch`, called from this directory.
  func script(_ name: String, _ arguments: [String], environment: [String: String] = [:]) -> Command {
    let settings = environment.map { "\($0.key)=\($0.value)" }
    return Command(
      executable: "/usr/bin/env", arguments: settings + [Program.root + "/launch/" + name] + arguments,
      directory: path)
  }

  /// Calls a function of `launch/common`.
  func function(_ call: String, environment: [String: String] = [:]) throws -> Outcome {
    let settings = environment.map { "\($0.key)=\($0.value)" }
    let body = "source \(Program.root)/launch/common; \(call)"
    return try Command(executable: "/usr/bin/env", arguments: settings + ["bash", "-c", body], directory: path).run()
  }

  /// The lines of a file; none if it is not there.
  func lines(_ name: String) -> [String] {
    let text = try? String(contentsOfFile: file(name), encoding: .utf8)
    return (text ?? "").split(separator: "\n").map(String.init)
  }

  /// This directory's `bin` before the places where the system looks for programs.
  var searchPath: String {
    file("bin") + ":" + (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin")
  }
}
