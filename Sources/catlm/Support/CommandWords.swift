import ArgumentParser
import Foundation
import JSON

/// The words of the command line before the parser sees them: what it would misread or answer badly is put right or
/// refused here.
struct CommandWords {
  /// The words behind the program's name.
  let words: [String]
  /// What the user should know of them, a line each.
  let warnings: [String]

  init(_ words: [String]) throws {
    try Self.requireCommand(words)
    let options = Self.options(in: words)
    try Self.refuseRepeated(options)
    warnings = Self.repeatedKeys(in: words)
    self.words = Self.joiningNegativeNumbers(words)
  }

  // MARK: Commands

  /// Refuses a command that there is not, and names the one that may be meant: the parser would show the help of the
  /// whole program where `--help` stands behind it.
  private static func requireCommand(_ words: [String]) throws {
    var command: any ParsableCommand.Type = Catlm.self
    var path: [String] = []
    for word in words {
      let below = command.configuration.subcommands
      guard !below.isEmpty, !word.hasPrefix("-"), word != "help" else { return }
      guard let next = below.first(where: { $0._commandName == word }) else {
        throw unknown(word, behind: path, among: below.map { $0._commandName })
      }
      command = next
      path.append(word)
    }
  }

  private static func unknown(_ word: String, behind path: [String], among names: [String]) -> UserError {
    let all = commands(below: Catlm.self, path: [])
    let elsewhere = all.first { $0.last == word }
    let near = Spelling.nearest(to: word, among: names).map { path + [$0] }
    let far = Spelling.nearest(to: word, among: all.map { $0.joined(separator: " ") }).map { [$0] }
    let guess = (elsewhere ?? near ?? far).map { "did you mean catlm \($0.joined(separator: " "))? " } ?? ""
    let place = path.isEmpty ? "" : path.joined(separator: " ") + ": "
    return UserError("\(place)unknown command \(word); \(guess)allowed: \(names.joined(separator: ", "))")
  }

  /// Every command with those above it.
  private static func commands(below type: any ParsableCommand.Type, path: [String]) -> [[String]] {
    type.configuration.subcommands.flatMap { next in
      [path + [next._commandName]] + commands(below: next, path: path + [next._commandName])
    }
  }

  // MARK: Options

  /// Options that may stand several times; each time they say something else.
  private static let repeatable: Set = ["--set", "--special", "--stop"]

  /// The long options among the words, as they are written, without values.
  private static func options(in words: [String]) -> [String] {
    words.prefix { $0 != "--" }.filter { $0.hasPrefix("--") }.map { String($0.prefix { $0 != "=" }) }
  }

  /// Of an option that stands twice the parser would take the last without a word.
  private static func refuseRepeated(_ options: [String]) throws {
    var seen: [String: String] = [:]
    for option in options where !repeatable.contains(option) {
      let name = option.hasPrefix("--no-") ? "--" + option.dropFirst("--no-".count) : option
      if let earlier = seen[name] {
        let found = earlier == option ? "it twice" : "\(earlier) beside it"
        throw OptionCheck.error(option, found: found, allowed: "one of it")
      }
      seen[name] = option
    }
  }

  /// Keys that are set to one value and then to another. The last counts, so that what a script sets can be set anew.
  private static func repeatedKeys(in words: [String]) -> [String] {
    var seen: [String: String] = [:]
    var warnings: [String] = []
    for (index, word) in words.prefix(while: { $0 != "--" }).enumerated() {
      let isAlone = word == "--set" && index + 1 < words.count
      guard isAlone || word.hasPrefix("--set=") else { continue }
      let setting = isAlone ? words[index + 1] : String(word.dropFirst("--set=".count))
      let key = String(setting.prefix { $0 != "=" })
      if let earlier = seen.updateValue(setting, forKey: key), earlier != setting {
        warnings.append("--set: found \(earlier) and \(setting): the last counts")
      }
    }
    return warnings
  }

  /// `--max-tokens -1` as `--max-tokens=-1`: the parser would take the number for an option, and the first for one
  /// without a value.
  private static func joiningNegativeNumbers(_ words: [String]) -> [String] {
    var joined: [String] = []
    for (index, word) in words.enumerated() {
      if Double(word).map({ $0 < 0 }) == true, index > 0, let option = joined.last, words[index - 1] == option,
        option.hasPrefix("--"), option.count > 2, !option.contains("="), !joined.contains("--")
      {
        joined[joined.count - 1] += "=" + word
      } else {
        joined.append(word)
      }
    }
    return joined
  }

  /// The bytes of an option's value as they were given; nil if it is not among the words.
  ///
  /// Swift's own arguments are repaired where they are not UTF-8.
  static func rawValue(of option: String) -> [UInt8]? {
    let words = (0..<Int(CommandLine.argc)).compactMap { index in
      unsafe CommandLine.unsafeArgv[index].map { unsafe Array(UnsafeRawBufferPointer(start: $0, count: strlen($0))) }
    }
    let name = Array(option.utf8)
    for (index, word) in words.enumerated() {
      if word == name, index + 1 < words.count { return words[index + 1] }
      if word.starts(with: name + [UInt8(ascii: "=")]) { return Array(word.dropFirst(name.count + 1)) }
    }
    return nil
  }
}
