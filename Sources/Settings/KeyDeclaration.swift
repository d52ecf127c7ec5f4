package import JSON

/// What a key of a run file is, in words: for `catlm config`, the documentation and tests.
package struct KeyDeclaration: Hashable, Sendable {
  /// What stands for a key that is not there.
  package enum Fallback: Hashable, Sendable {
    /// Nothing: the key must be there.
    case required
    case value(JSONValue)
    /// What follows from other keys.
    case derived(String)
    /// Null; with what that means, if that is not the absence of something.
    case none(String?)
  }

  package let name: String
  package let type: String
  package let fallback: Fallback
  /// The values that it may have.
  package let allowed: String
  package let sentence: String
  /// What the key was called once.
  package let former: String?

  package init(
    name: String, type: String, fallback: Fallback, allowed: String, sentence: String, former: String? = nil
  ) {
    self.name = name
    self.type = type
    self.fallback = fallback
    self.allowed = allowed
    self.sentence = sentence
    self.former = former
  }

  package var isRequired: Bool { fallback == .required }

  /// The default in words.
  package var fallbackText: String {
    switch fallback {
    case .required: "required"
    case .value(.text(let text)): text
    case .value(.number(let number)): AllowedValues.brief(number)
    case .value(let value): value.json()
    case .derived(let words): words
    case .none(let words): words ?? "none"
    }
  }

  /// The same key as part of something: `layers[]` before `type` is `layers[].type`.
  package func inside(_ path: String) -> KeyDeclaration {
    KeyDeclaration(name: "\(path).\(name)", type: type, fallback: fallback, allowed: allowed, sentence: sentence)
  }
}

/// What a section of a run file holds.
package struct SectionDeclaration: Sendable {
  /// One of several things that a section may describe, each with keys of its own.
  package struct Kind: Sendable {
    /// What the section's first key says.
    package let name: String
    package let sentence: String
    package let keys: [KeyDeclaration]
    /// Keys that are accepted and change nothing.
    package let ignored: [String]

    package init(name: String, sentence: String, keys: [KeyDeclaration], ignored: [String] = []) {
      self.name = name
      self.sentence = sentence
      self.keys = keys
      self.ignored = ignored
    }
  }

  package let name: String
  package let sentence: String
  /// The keys of whatever the section describes; where there are kinds, the first says which.
  package let keys: [KeyDeclaration]
  package let kinds: [Kind]

  package init(name: String, sentence: String, keys: [KeyDeclaration], kinds: [Kind] = []) {
    self.name = name
    self.sentence = sentence
    self.keys = keys
    self.kinds = kinds
  }

  /// All keys with the kinds that have them; no kinds where all have it.
  package var allKeys: [(kind: String?, key: KeyDeclaration)] {
    keys.map { (nil, $0) } + kinds.flatMap { kind in kind.keys.map { (kind.name, $0) } }
  }

  /// Names of the keys that a section with these values may have; then those without effect, and former ones.
  ///
  /// - Returns: those of all kinds if the values name none that there is.
  func names(in values: JSONValue) -> (keys: [String], ignored: [String]) {
    let selector = keys.first.flatMap { first in values[first.name]?.textValue ?? first.fallbackText }
    let named = kinds.filter { $0.name == selector }
    let chosen = named.isEmpty ? kinds : named
    let all = keys + chosen.flatMap(\.keys)
    return (
      all.map(\.name).filter { !$0.contains("[") }, chosen.flatMap(\.ignored) + all.compactMap(\.former)
    )
  }
}

extension RunFile {
  /// Refuses sections and keys that nobody declared, before anything else is found wrong.
  ///
  /// The message names the nearest key that there is, or the section that has a key of that name.
  package func requireDeclared(_ sections: [SectionDeclaration]) throws(JSONError) {
    let names = sections.map(\.name)
    for entry in root.entries ?? [] {
      guard let section = sections.first(where: { $0.name == entry.key }) else {
        throw JSONError.unknownKey(entry.key, path: "", known: names, elsewhere: places(of: entry.key, sections))
      }
      let (known, ignored) = section.names(in: entry.value)
      for inner in entry.value.entries ?? [] where !known.contains(inner.key) && !ignored.contains(inner.key) {
        throw JSONError.unknownKey(
          inner.key, path: section.name, known: known, elsewhere: places(of: inner.key, sections))
      }
    }
  }

  /// Full paths of the keys that are called `name`.
  private func places(of name: String, _ sections: [SectionDeclaration]) -> [String] {
    sections.filter { section in section.allKeys.contains { $0.key.name == name } }.map { "\($0.name).\(name)" }
  }
}
