import ArgumentParser
import JSON
import Settings
import Training

struct ConfigCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config",
    abstract: "Lists every key of a run file: type, default, allowed values, what it does.",
    discussion: """
      NAME is a section (train), one of the kinds of model or data that a section may describe (model.cat, data.mqar), \
      or a key (train.steps). docs/configuration.md holds the same for all sections.

      Example: catlm config train
      """)

  @Argument(help: .init("A section, a kind or a key; without it, all.", valueName: "name"))
  var name: String?

  @Flag(help: "One JSON object a key on standard output.")
  var json = false

  @Flag(help: "The page docs/configuration.md.")
  var markdown = false

  func validate() throws {
    guard !json || !markdown else {
      throw OptionCheck.error("--json", found: "--markdown beside it", allowed: "one of the two")
    }
    guard !markdown || name == nil else {
      throw OptionCheck.error("--markdown", found: "a name beside it", allowed: "all sections")
    }
  }

  func run() throws {
    let sections = try ConfigSelection(RunConfig.declarations).chosen(name)
    if json {
      for section in sections {
        for (kind, key) in section.allKeys { try Output.print(object(section, kind, key).json()) }
      }
    } else {
      try Output.print(markdown ? ConfigPage.markdown(sections) : ConfigPage.text(sections))
    }
  }

  private func object(_ section: SectionDeclaration, _ kind: String?, _ key: KeyDeclaration) -> JSONValue {
    var value = JSONValue.null
    if case .value(let standard) = key.fallback { value = standard }
    return [
      "key": .text("\(section.name).\(key.name)"), "kind": kind.map(JSONValue.text) ?? .null, "type": .text(key.type),
      "required": .flag(key.isRequired), "default": value, "default_text": .text(key.fallbackText),
      "allowed": .text(key.allowed), "description": .text(key.sentence),
    ]
  }
}

/// The part of all declarations that somebody asks for by name.
struct ConfigSelection {
  private let sections: [SectionDeclaration]

  init(_ sections: [SectionDeclaration]) {
    self.sections = sections
  }

  /// - Parameter name: `section`, `section.kind`, `section.key`; nil for all.
  func chosen(_ name: String?) throws -> [SectionDeclaration] {
    guard let name else { return sections }
    let parts = name.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    guard let section = sections.first(where: { $0.name == parts[0] }) else {
      // A key alone is enough if only one section has it.
      let owners = sections.filter { section in section.allKeys.contains { $0.key.name == name } }
      guard owners.count != 1 else { return [owners[0].keeping(key: name)] }
      throw unknown(name, among: sections.map(\.name) + owners.map { "\($0.name).\(name)" })
    }
    guard parts.count == 2 else { return [section] }
    if let kind = section.kinds.first(where: { $0.name == parts[1] }) {
      return [SectionDeclaration(name: section.name, sentence: section.sentence, keys: section.keys, kinds: [kind])]
    }
    guard section.allKeys.contains(where: { $0.key.name == parts[1] }) else {
      let names = Set(section.allKeys.map(\.key.name)).sorted() + section.kinds.map(\.name)
      throw unknown(name, among: names.map { "\(section.name).\($0)" })
    }
    return [section.keeping(key: parts[1])]
  }

  private func unknown(_ name: String, among names: [String]) -> UserError {
    let guess = Spelling.nearest(to: name, among: names).map { "did you mean \($0)? " } ?? ""
    return UserError("config: found \(name); \(guess)allowed: \(names.joined(separator: ", "))")
  }
}

extension SectionDeclaration {
  /// The section with one key alone, in whichever kinds have it.
  fileprivate func keeping(key name: String) -> SectionDeclaration {
    SectionDeclaration(
      name: self.name, sentence: sentence, keys: keys.filter { $0.name == name },
      kinds: kinds.compactMap { kind in
        let kept = kind.keys.filter { $0.name == name }
        return kept.isEmpty ? nil : Kind(name: kind.name, sentence: kind.sentence, keys: kept)
      })
  }
}

/// The keys of a run file as people read them.
enum ConfigPage {
  /// For a terminal: a paragraph a key.
  static func text(_ sections: [SectionDeclaration]) -> String {
    sections.map { section in
      let head = "\(section.name): \(section.sentence)"
      let kinds = section.kinds.map { kind in
        paragraphs("\(selector(of: section)) \(kind.name): \(kind.sentence)", kind.keys, section.name)
      }
      return ([paragraphs(head, section.keys, section.name)] + kinds).joined(separator: "\n\n")
    }.joined(separator: "\n\n")
  }

  private static func paragraphs(_ head: String, _ keys: [KeyDeclaration], _ section: String) -> String {
    ([head]
      + keys.map { key in
        "  \(section).\(key.name)\n"
          + wrapped("\(key.type); default: \(key.fallbackText); allowed: \(key.allowed)", indent: 6) + "\n"
          + wrapped(key.sentence, indent: 6)
      }).joined(separator: "\n\n")
  }

  /// The key that says which kind a section describes.
  private static func selector(of section: SectionDeclaration) -> String {
    section.keys.first.map { "\(section.name).\($0.name)" } ?? section.name
  }

  /// Lines of at most 100 characters.
  private static func wrapped(_ text: String, indent: Int) -> String {
    let space = String(repeating: " ", count: indent)
    var lines = [space]
    for word in text.split(separator: " ") {
      if lines[lines.count - 1].count + 1 + word.count > 100 { lines.append(space) }
      lines[lines.count - 1] += (lines[lines.count - 1].count == indent ? "" : " ") + word
    }
    return lines.joined(separator: "\n")
  }

  /// `docs/configuration.md`, without the newline at its end.
  static func markdown(_ sections: [SectionDeclaration]) -> String {
    let head = """
      # Every key of a run file

      A run file is YAML with these sections. `catlm config` prints the same (`catlm config train` one section, \
      `catlm config train.steps` one key, `--json` for programs), and `--set section.key=value` overrides a key on the \
      command line: a list as `[2, 8]` or `2,8`. A key that is not here is refused. The configuration that a run \
      resolves to, defaults filled in, stands in its directory as `config.yaml`.

      This page is made from the program: `catlm config --markdown > docs/configuration.md`.
      """
    return ([head] + sections.map(chapter)).joined(separator: "\n\n")
  }

  private static func chapter(_ section: SectionDeclaration) -> String {
    let kinds = section.kinds.flatMap { kind in
      ["### `\(selector(of: section)): \(kind.name)`", kind.sentence, table(kind.keys)]
    }
    return (["## \(section.name)", section.sentence, table(section.keys)] + kinds).joined(separator: "\n\n")
  }

  private static func table(_ keys: [KeyDeclaration]) -> String {
    let rows = keys.map { key in
      "| " + ["`\(key.name)`", key.type, cell(key), key.allowed, key.sentence].map(escaped).joined(separator: " | ")
        + " |"
    }
    return (["| key | type | default | allowed | what it does |", "|---|---|---|---|---|"] + rows).joined(
      separator: "\n")
  }

  private static func cell(_ key: KeyDeclaration) -> String {
    if case .value = key.fallback { return "`\(key.fallbackText)`" }
    return key.fallbackText
  }

  private static func escaped(_ text: String) -> String {
    text.replacing("|", with: "\\|")
  }
}
