import FaultSupport
import ParserOracles

/// Row 12, run files: whatever the text is, it is a run or one line says why not.
enum MutatedConfigurations {
  static let checks = [
    FaultCheck(12, "run-files", "mutated run files", fullCount: 100_000) { _ in
      let original = Array(RunText.tiny(data: "data").utf8)
      let words = [
        ": ", "\n", "  ", "- ", "[", "]", "{", "}", "&a ", "*a", "<<: ", "!!binary ", "? ", "---\n", "|\n", ">-\n",
        "\t", "'", "\"", "#", "null", "~", "true", "0x7f", "1e400", "-1", ".nan", ".inf", "9223372036854775808",
        "model:", "\u{0}", "é",
      ].map { Array($0.utf8) }
      return Attempts { _, random in
        let bytes = Mutation.apply(to: original, words: words, focus: 80, using: &random)
        try RunFileOracle.check(String(decoding: bytes, as: UTF8.self))
      }
    },
    FaultCheck(12, "keys", "run files with a key renamed, repeated, or with a value of a wrong type", fullCount: 20_000)
    {
      _ in
      let lines = RunText.tiny(data: "data").split(separator: "\n").map(String.init)
      let places = lines.indices.filter { lines[$0].hasPrefix("  ") }
      return Attempts { index, random in
        let place = places[index % places.count]
        var changed = lines
        let (key, value) = try parts(lines[place])
        switch Int.random(in: 0..<3, using: &random) {
        case 0: changed[place] = "  \(try misspelt(key, &random)): \(value)"
        case 1: changed.insert(lines[place], at: place)
        default: changed[place] = "  \(key): {wrong: \(Int.random(in: 0...9, using: &random))}"
        }
        let text = changed.joined(separator: "\n")
        try expect(try !RunFileOracle.isAccepted(text), "accepted: \(changed[place])")
      }
    },
  ]

  private static func parts(_ line: String) throws -> (key: String, value: String) {
    let colon = try require(line.firstIndex(of: ":"), "no key in \(line)")
    return (String(line[..<colon].drop { $0 == " " }), String(line[line.index(after: colon)...].drop { $0 == " " }))
  }

  /// The key with a letter too many.
  private static func misspelt(_ key: String, _ random: inout TestRandom) throws -> String {
    var letters = Array(key)
    letters.insert("x", at: Int.random(in: 0...letters.count, using: &random))
    return String(letters)
  }
}
