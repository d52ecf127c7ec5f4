import Foundation
import Testing

/// What the program says of itself.
enum Help {
  /// Every command with its subcommands, as the help texts list them; the program itself is the empty one.
  static let commands: [[String]] = Program.path == nil ? [] : (try? found(below: [])) ?? []

  private static func found(below command: [String]) throws -> [[String]] {
    try [command] + subcommands(of: command).flatMap { try found(below: command + [$0]) }
  }

  static func text(of command: [String]) throws -> String {
    try Command.catlm(command + ["--help"]).run().output
  }

  private static func subcommands(of command: [String]) throws -> [String] {
    let lines = try text(of: command).split(separator: "\n", omittingEmptySubsequences: false)
    guard let start = lines.firstIndex(of: "SUBCOMMANDS:") else { return [] }
    return lines[(start + 1)...].prefix { !$0.isEmpty }
      .filter { $0.hasPrefix("  ") && !$0.hasPrefix("   ") }
      .compactMap { $0.split(separator: " ").first.map(String.init) }
  }
}

extension CommandTests {
  @Suite struct HelpTests {
    @Test(arguments: Help.commands)
    func `every command has help with an example`(_ command: [String]) throws {
      let outcome = try Command.catlm(command + ["--help"]).run()
      #expect(outcome.code == 0)
      #expect(outcome.output.contains("Example: "), "\(outcome.output)")
      #expect(outcome.errors.isEmpty)
    }

    @Test(arguments: ["train", "evaluate", "generate", "tokenize", "checkpoint", "parity", "benchmark"])
    func `the program has the command`(_ name: String) {
      #expect(Help.commands.contains([name]))
    }

    @Test func `the version is one line`() throws {
      let outcome = try Command.catlm(["--version"]).run().succeeded()
      #expect(outcome.outputLines.count == 1)
    }

    @Test(arguments: ["local", "reproduce", "sanitize", "smoke", "test", "variants"])
    func `every launch script has help with an example, from any directory`(_ name: String) throws {
      let script = Program.root + "/launch/" + name
      let outcome = try Command(executable: script, arguments: ["--help"], directory: "/").run()
      #expect(outcome.code == 0, "\(outcome.errors)")
      #expect(outcome.output.contains("Example: launch/\(name)"))
    }
  }
}
