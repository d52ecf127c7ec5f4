import Foundation
import Testing

/// The commands in README.md, one a line of its `sh` blocks, without comments, continued lines joined.
enum Readme {
  static let commands: [String] = {
    guard let text = try? String(contentsOfFile: Program.root + "/README.md", encoding: .utf8) else { return [] }
    var commands: [String] = []
    var isInside = false
    for line in text.replacing("\\\n", with: " ").split(separator: "\n") {
      if line.hasPrefix("```") {
        isInside = line == "```sh"
      } else if isInside, let words = line.split(separator: "#", omittingEmptySubsequences: false).first {
        commands += words.split(whereSeparator: { "|;&".contains($0) }).map(String.init)
      }
    }
    return commands.map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
  }()

  /// The arguments of every call of `program`, by itself or through mpirun.
  static func commands(of program: String) -> [[String]] {
    commands.map { $0.split(separator: " ").map(String.init) }.compactMap { words in
      let isProgram = { (word: String) in word == program || word.hasSuffix("/" + program) }
      guard isProgram(words[0]) || words[0] == "mpirun" else { return nil }
      return words.firstIndex(where: isProgram).map { Array(words[($0 + 1)...]) }
    }
  }

  static let scripts = commands.flatMap { $0.split(separator: " ") }.filter {
    $0.hasPrefix("launch/") || $0.hasPrefix("./launch/") || $0.hasPrefix(".ci/")
  }.map(String.init)
}

extension CommandTests {
  @Suite struct ReadmeTests {
    @Test(arguments: Readme.commands(of: "catlm"))
    func `every catlm command in the README exists, with its options`(_ words: [String]) throws {
      let command = words.indices.map { Array(words[...$0]) }.last { Help.commands.contains($0) }
      let help = try Help.text(of: #require(command, "no such command: \(words)"))
      for word in words where word.hasPrefix("--") {
        let option = String(word.prefix { $0 != "=" })
        let isKnown = help.split(whereSeparator: { " ,\n[]".contains($0) }).contains { $0 == option }
        #expect(isKnown, "\(option) of \(words)")
      }
    }

    @Test(arguments: Set(Readme.scripts).sorted())
    func `every script in the README exists and has help`(_ script: String) throws {
      let path = Program.root + "/" + script
      #expect(FileManager.default.isExecutableFile(atPath: path))
      #expect(try Command(executable: path, arguments: ["--help"], directory: "/").run().code == 0)
    }

    @Test(arguments: Set(Readme.commands.flatMap { $0.split(separator: " ") }).map(String.init).sorted())
    func `every run file in the README exists`(_ word: String) {
      guard word.hasPrefix("configs/") else { return }
      #expect(FileManager.default.fileExists(atPath: Program.root + "/" + word))
    }
  }
}
