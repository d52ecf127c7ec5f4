import FaultSupport
import Foundation

/// A mounted file system, unmounted with this object.
final class Mount {
  private let place: String
  private var isThere = true

  /// - Parameter arguments: those of `mount` before the place.
  init(_ arguments: [String], at place: String) throws {
    self.place = place
    do {
      try System.run("mount", arguments + [place])
    } catch {
      isThere = false
      throw NotPossible("\(error)")
    }
  }

  deinit { try? end() }

  /// Mounts with other options; tries for a while, for a file system in use may be busy.
  func change(_ options: [String]) throws {
    for _ in 0..<500 {
      if (try? System.run("mount", options + [place])) != nil { return }
      usleep(1000)
    }
    try System.run("mount", options + [place])
  }

  func end() throws {
    if !isThere { return }
    isThere = false
    do {
      try System.run("umount", [place])
    } catch {
      try System.run("umount", ["--lazy", place])
    }
  }
}

/// Programs of the system.
enum System {
  /// Runs a program to its end, which must be a good one, and gives what it printed.
  @discardableResult
  static func run(_ program: String, _ arguments: [String]) throws -> String {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = [program] + arguments
    var environment = ProcessInfo.processInfo.environment
    environment["PATH"] = (environment["PATH"] ?? "") + ":/usr/sbin:/sbin"
    process.environment = environment
    process.standardInput = FileHandle.nullDevice
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw Unexpected("\(program) \(arguments.joined(separator: " ")): \(text)")
    }
    return text.trimmingCharacters(in: .whitespacesAndNewlines)
  }
}
