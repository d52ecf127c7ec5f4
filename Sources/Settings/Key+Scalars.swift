internal import JSON

extension Key {
  /// An integer.
  package static func integer(
    _ name: String, _ path: Path<Int>, default fallback: Fallback<Int> = .standard,
    in allowed: ClosedRange<Int> = 0...Int.max, _ sentence: String
  ) -> Key {
    Key(
      name: name, type: "integer", allowed: AllowedValues.limits(allowed), sentence: sentence,
      fallback: { fallback.declaration($0, path, JSONValue.integer) },
      read: { (reader, config) throws(JSONError) in
        config[keyPath: path] = try reader.integer(name, default: fallback.value(config, path), in: allowed)
      })
  }

  /// An integer or nothing.
  ///
  /// - Parameter none: what an absent key means, in words.
  package static func optionalInteger(
    _ name: String, _ path: Path<Int?>, none: String? = nil, in allowed: ClosedRange<Int> = 0...Int.max,
    _ sentence: String
  ) -> Key {
    Key(
      name: name, type: "integer", allowed: AllowedValues.limits(allowed), sentence: sentence,
      fallback: { _ in .none(none) },
      read: { (reader, config) throws(JSONError) in
        config[keyPath: path] = try reader.optionalInteger(name, in: allowed)
      })
  }

  /// An integer; null, which an absent one is resolved to, stands for what follows from keys before it.
  package static func optionalInteger(
    _ name: String, _ path: Path<Int>, none: String, _ derivation: @escaping Derivation<Int>,
    in allowed: ClosedRange<Int> = 0...Int.max, _ sentence: String
  ) -> Key {
    Key(
      name: name, type: "integer", allowed: AllowedValues.limits(allowed), sentence: sentence,
      fallback: { _ in .none(none) },
      read: { (reader, config) throws(JSONError) in
        config[keyPath: path] = try reader.optionalInteger(name, in: allowed) ?? derivation(config)
      })
  }

  /// An integer that the section can only repeat: null, or what follows from keys before it.
  ///
  /// - Parameter words: what it follows from, such as the key's name.
  package static func repeated(
    _ name: String, of words: String, _ derivation: @escaping Derivation<Int>, _ sentence: String
  ) -> Key {
    Key(
      name: name, type: "integer", allowed: words, sentence: sentence, fallback: { _ in .none(words) },
      read: { (reader, config) throws(JSONError) in
        let expected = derivation(config)
        if let found = try reader.optionalInteger(name), found != expected {
          throw reader.invalid(name, found: "\(found)", allowed: "\(words) \(expected)")
        }
      })
  }

  /// A number; integers count.
  package static func number(
    _ name: String, _ path: Path<Double>, in allowed: ClosedRange<Double> = JSONReader.anyNumber,
    _ sentence: String
  ) -> Key {
    Key(
      name: name, type: "number", allowed: AllowedValues.limits(allowed), sentence: sentence,
      fallback: { .value(.number($0[keyPath: path])) },
      read: { (reader, config) throws(JSONError) in
        config[keyPath: path] = try reader.number(name, default: config[keyPath: path], in: allowed)
      })
  }

  /// A number or nothing.
  ///
  /// - Parameter none: what an absent key means, in words.
  package static func optionalNumber(
    _ name: String, _ path: Path<Double?>, none: String? = nil,
    in allowed: ClosedRange<Double> = JSONReader.anyNumber, _ sentence: String
  ) -> Key {
    Key(
      name: name, type: "number", allowed: AllowedValues.limits(allowed), sentence: sentence,
      fallback: { _ in .none(none) },
      read: { (reader, config) throws(JSONError) in
        config[keyPath: path] = try reader.optionalNumber(name, in: allowed)
      })
  }

  /// `true` or `false`.
  package static func flag(_ name: String, _ path: Path<Bool>, _ sentence: String) -> Key {
    Key(
      name: name, type: "flag", allowed: "true, false", sentence: sentence,
      fallback: { .value(.flag($0[keyPath: path])) },
      read: { (reader, config) throws(JSONError) in
        config[keyPath: path] = try reader.flag(name, default: config[keyPath: path])
      })
  }

  /// A text or nothing.
  ///
  /// - Parameters:
  ///   - allowed: what the text may be, in words; checked by the section.
  ///   - none: what an absent key means, in words.
  package static func optionalText(
    _ name: String, _ path: Path<String?>, none: String? = nil, allowed: String = "any text", _ sentence: String
  ) -> Key {
    Key(
      name: name, type: "text", allowed: allowed, sentence: sentence, fallback: { _ in .none(none) },
      read: { (reader, config) throws(JSONError) in config[keyPath: path] = try reader.optionalText(name) })
  }

  /// One of the cases of `C`, by its raw value.
  package static func choice<C: RawRepresentable & CaseIterable & SendableMetatype>(
    _ name: String, _ path: Path<C>, _ sentence: String
  ) -> Key where C.RawValue == String {
    Key(
      name: name, type: "choice", allowed: AllowedValues.names(C.self), sentence: sentence,
      fallback: { .value(.text($0[keyPath: path].rawValue)) },
      read: { (reader, config) throws(JSONError) in
        config[keyPath: path] = try reader.choice(name, default: config[keyPath: path])
      })
  }

  /// One of the cases of `C`, or null. An absent key leaves what the configuration holds.
  package static func optionalChoice<C: RawRepresentable & CaseIterable & SendableMetatype>(
    _ name: String, _ path: Path<C?>, _ sentence: String
  ) -> Key where C.RawValue == String {
    Key(
      name: name, type: "choice", allowed: AllowedValues.names(C.self) + ", null", sentence: sentence,
      fallback: { config in config[keyPath: path].map { .value(.text($0.rawValue)) } ?? .none(nil) },
      read: { (reader, config) throws(JSONError) in
        if let standard = config[keyPath: path], !reader.names(name) {
          config[keyPath: path] = try reader.choice(name, default: standard)
        } else {
          config[keyPath: path] = try reader.optionalChoice(name)
        }
      })
  }

  /// A text that changes nothing, but must be one of `names`: the first where the section is silent.
  package static func constant(_ name: String, _ names: [String], _ sentence: String) -> Key {
    Key(
      name: name, type: "choice", allowed: names.joined(separator: ", "), sentence: sentence,
      fallback: { _ in .value(.text(names.first ?? "")) },
      read: { (reader, _) throws(JSONError) in
        let text = try reader.text(name, default: names.first)
        guard names.contains(text) else {
          throw reader.invalid(name, found: text, allowed: names.joined(separator: " or "))
        }
      })
  }
}
