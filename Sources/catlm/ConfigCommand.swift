import ArgumentParser
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

  private func object(_ section: SectionDeclaration, _ kind: String?, _ key: KeyDeclaration) -> Setting {
    var value = Setting.null
    if case .value(let standard) = key.fallback { value = standard }
    return [
      "key": .text("\(section.name).\(key.name)"), "kind": kind.map(Setting.text) ?? .null, "type": .text(key.type),
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
