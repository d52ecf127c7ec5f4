import FaultSupport
import Foundation
import JSON

/// A check in a process of its own: a crash is a failure of the attempt that made it, not the end of the suite.
struct CheckProcess {
  let check: FaultCheck
  /// Which attempts, as options.
  let arguments: [String]

  func run() throws -> CheckResult {
    let scratch = try Scratch()
    let process = Process()
    process.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    process.arguments = ["run", "--rows", check.identifier, "--inside", scratch.path] + arguments
    // A crash is expected to be possible; what is wanted is its signal, at once.
    var environment = ProcessInfo.processInfo.environment
    environment["SWIFT_BACKTRACE"] = "enable=no"
    process.environment = environment
    let start = ContinuousClock.now
    try process.run()
    process.waitUntilExit()
    var result = CheckResult(check)
    if let data = FileManager.default.contents(atPath: CheckRun.resultPath(scratch.path)) {
      result.read(try JSONValue(json: String(decoding: data, as: UTF8.self)))
    } else {
      let last = Progress.last(path: CheckRun.progressPath(scratch.path))
      result.passedCount = last?.passedCount ?? 0
      let how = process.terminationReason == .uncaughtSignal ? "signal" : "exit code"
      result.failures = [
        .init(index: last?.index ?? -1, message: "the check's process ended with \(how) \(process.terminationStatus)")
      ]
      result.seconds = (ContinuousClock.now - start) / .seconds(1)
    }
    return result
  }
}
