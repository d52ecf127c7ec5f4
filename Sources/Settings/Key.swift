package import JSON

/// One key of a section of a run file, declared once: what it is called, what it may hold, what it does, and which
/// property of the section's configuration it sets.
///
/// Its default is what the configuration holds before the section is read, so that a configuration made by its
/// initialiser and one read from an empty section are the same.
package struct Key<Config>: Sendable {
  package typealias Path<Value> = WritableKeyPath<Config, Value> & Sendable
  package typealias Derivation<Value> = @Sendable (Config) -> Value

  /// What a key stands for that the section does not name.
  package enum Fallback<Value>: Sendable {
    /// What the configuration holds before it is read.
    case standard
    /// Nothing: the section must name it.
    case required
    /// Something that follows from keys before it; with how, in words.
    case derived(String, Derivation<Value>)
  }

  package let name: String
  let type: String
  let allowed: String
  let sentence: String
  let fallback: @Sendable (Config) -> KeyDeclaration.Fallback
  let read: @Sendable (JSONReader, inout Config) throws(JSONError) -> Void
  /// What the key was called once: files of that time are still read.
  var former: String?

  /// The same key, which was once called `name`.
  package func formerly(_ name: String) -> Key {
    var key = self
    key.former = name
    return key
  }

  /// - Parameter defaults: a configuration made by its initialiser.
  package func declaration(_ defaults: Config) -> KeyDeclaration {
    KeyDeclaration(
      name: name, type: type, fallback: fallback(defaults), allowed: allowed,
      sentence: sentence + (former.map { " Its former name \($0) is read too." } ?? ""), former: former)
  }

  /// The same key of a configuration that holds this one's.
  package func at<Whole>(_ path: Key<Whole>.Path<Config>) -> Key<Whole> {
    let (part, readPart) = (fallback, read)
    return Key<Whole>(
      name: name, type: type, allowed: allowed, sentence: sentence, fallback: { part($0[keyPath: path]) },
      read: { (reader, whole) throws(JSONError) in try readPart(reader, &whole[keyPath: path]) },
      former: former)
  }
}

extension Key.Fallback {
  /// The value that stands for an absent key; nil if the key must be there.
  func value(_ config: Config, _ path: Key.Path<Value>) -> Value? {
    switch self {
    case .standard: config[keyPath: path]
    case .required: nil
    case .derived(_, let derivation): derivation(config)
    }
  }

  func declaration(_ config: Config, _ path: Key.Path<Value>, _ setting: (Value) -> JSONValue)
    -> KeyDeclaration.Fallback
  {
    switch self {
    case .standard: .value(setting(config[keyPath: path]))
    case .required: .required
    case .derived(let words, _): .derived(words)
    }
  }
}

extension JSONReader {
  /// Reads `keys` in their order into `config`, which holds their defaults.
  package func read<Config>(_ keys: [Key<Config>], into config: inout Config) throws(JSONError) {
    for key in keys {
      if let former = key.former { try rename(former, to: key.name) }
      try key.read(self, &config)
    }
  }
}

extension Array {
  /// - Parameter defaults: a configuration made by its initialiser.
  package func declarations<Config>(_ defaults: Config) -> [KeyDeclaration] where Element == Key<Config> {
    map { $0.declaration(defaults) }
  }
}

extension Key {
  /// Integers: a list, or one alone.
  package static func integers(
    _ name: String, _ path: Path<[Int]>, default words: String? = nil, in allowed: ClosedRange<Int> = 0...Int.max,
    _ sentence: String
  ) -> Key {
    Key(
      name: name, type: "list of integers", allowed: "each " + AllowedValues.limits(allowed), sentence: sentence,
      fallback: { words.map { .derived($0) } ?? .value(.list($0[keyPath: path].map(JSONValue.integer))) },
      read: { (reader, config) throws(JSONError) in
        config[keyPath: path] = try reader.integers(name, default: config[keyPath: path], in: allowed)
      })
  }

  /// Numbers: a list, or one alone.
  package static func numbers(
    _ name: String, _ path: Path<[Double]>, default fallback: Fallback<[Double]> = .standard,
    in allowed: ClosedRange<Double> = JSONReader.anyNumber, _ sentence: String
  ) -> Key {
    Key(
      name: name, type: "list of numbers", allowed: "each " + AllowedValues.limits(allowed), sentence: sentence,
      fallback: { fallback.declaration($0, path) { .list($0.map(JSONValue.number)) } },
      read: { (reader, config) throws(JSONError) in
        config[keyPath: path] = try reader.numbers(name, default: fallback.value(config, path), in: allowed)
      })
  }

  /// Texts: a list, or one alone.
  ///
  /// - Parameter allowed: what the texts may be, in words.
  package static func texts(
    _ name: String, _ path: Path<[String]>, default fallback: Fallback<[String]> = .standard,
    allowed: String = "any text", _ sentence: String
  ) -> Key {
    Key(
      name: name, type: "text or list of texts", allowed: allowed, sentence: sentence,
      fallback: { fallback.declaration($0, path) { .list($0.map(JSONValue.text)) } },
      read: { (reader, config) throws(JSONError) in
        config[keyPath: path] = try reader.texts(name, default: fallback.value(config, path))
      })
  }
}
