import Settings

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
