import ArgumentParser
import FaultSupport
import Foundation
import JSON

/// Makes the faults that a training run must survive, and checks that it does.
@main
struct Faults: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "faults",
    abstract: "Makes faults on purpose, and checks what docs/reliability.md promises.",
    discussion: """
      Without a share or a count every check runs as often as the table in docs/reliability.md says, which takes \
      hours. An attempt depends on seed and index alone: a failure prints the command that makes it again.

      Example: launch/faults --rows 5,6 --share 0.01 --json faults.json
      """,
    subcommands: [RunChecks.self, WriteAndDie.self], defaultSubcommand: RunChecks.self)

  static func main() {
    // Attempts are started by the thousand; a child that is gone must not end this process.
    signal(SIGPIPE, SIG_IGN)
    // A shell starts what runs in the background with interrupts ignored, and no script below could trap one.
    signal(SIGINT, SIG_DFL)
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch {
      exit(withError: error)
    }
  }
}

struct RunChecks: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "run", abstract: "Runs checks (the default).")

  @Option(help: "Rows or checks, such as 1,5.bits; all by default.")
  var rows: String?

  @Option(help: "Part of each check's full count; at least one attempt.")
  var share: Double?

  @Option(help: "Attempts of each check.")
  var count: Int?

  @Option(help: "One attempt alone, as a failure prints it.")
  var index: Int?

  @Option(help: "What all draws come from.")
  var seed: UInt64 = 1

  @Option(help: "Also writes the table as JSON to this file.")
  var json: String?

  @Flag(help: "Lists the checks with their full counts, and ends.")
  var list = false

  @Option(help: .hidden)
  var inside: String?

  func validate() throws {
    guard [share != nil, count != nil, index != nil].count(where: { $0 }) <= 1 else {
      throw ValidationError("found several of --share, --count and --index, allowed: one of them")
    }
    guard share.map({ $0 > 0 && $0 <= 1 }) ?? true else { throw ValidationError("--share: allowed: above 0, up to 1") }
    guard count.map({ $0 > 0 }) ?? true else { throw ValidationError("--count: allowed: 1 and more") }
  }

  private var selection: CheckSelection {
    let amount: CheckSelection.Amount =
      if let index { .only(index: index) } else if let count { .count(count) } else { .share(share ?? 1) }
    return CheckSelection(seed: seed, amount: amount)
  }

  func run() throws {
    let checks = try FaultCheck.named(rows)
    if list {
      for check in checks {
        print("\(check.identifier)  \(check.fullCount.map(String.init) ?? "every case")  \(check.fault)")
      }
      return
    }
    if let inside {
      try CheckRun(check: checks[0], selection: selection, scratch: inside)()
      return
    }
    var results: [CheckResult] = []
    for check in checks {
      let result = try CheckProcess(check: check, arguments: arguments).run()
      let outcome = result.skipped.map { "skipped: \($0)" } ?? "\(result.passedCount) of \(result.count)"
      FileHandle.standardError.write(Data("\(check.identifier): \(outcome)\n".utf8))
      results.append(result)
      // Kept up to date: a run of hours may be ended early.
      if let json { try Report(seed: seed, results: results).write(to: json) }
    }
    let report = Report(seed: seed, results: results)
    print(report.table)
    if report.failureCount > 0 { throw ExitCode(1) }
  }

  /// The choice of attempts, for a child process.
  private var arguments: [String] {
    var arguments = ["--seed", "\(seed)"]
    if let share { arguments += ["--share", "\(share)"] }
    if let count { arguments += ["--count", "\(count)"] }
    if let index { arguments += ["--index", "\(index)"] }
    return arguments
  }
}
