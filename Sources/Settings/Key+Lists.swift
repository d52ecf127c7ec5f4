extension Key {
  /// Integers: a list, or one alone.
  package static func integers(
    _ name: String, _ path: Path<[Int]>, default words: String? = nil, in allowed: ClosedRange<Int> = 0...Int.max,
    _ sentence: String
  ) -> Key {
    Key(
      name: name, type: "list of integers", allowed: "each " + AllowedValues.limits(allowed), sentence: sentence,
      fallback: { words.map { .derived($0) } ?? .value(.list($0[keyPath: path].map(Setting.integer))) },
      read: { (reader, config) throws(SettingsError) in
        config[keyPath: path] = try reader.integers(name, default: config[keyPath: path], in: allowed)
      })
  }

  /// Numbers: a list, or one alone.
  package static func numbers(
    _ name: String, _ path: Path<[Double]>, default fallback: Fallback<[Double]> = .standard,
    in allowed: ClosedRange<Double> = SettingsReader.anyNumber, _ sentence: String
  ) -> Key {
    Key(
      name: name, type: "list of numbers", allowed: "each " + AllowedValues.limits(allowed), sentence: sentence,
      fallback: { fallback.declaration($0, path) { .list($0.map(Setting.number)) } },
      read: { (reader, config) throws(SettingsError) in
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
      fallback: { fallback.declaration($0, path) { .list($0.map(Setting.text)) } },
      read: { (reader, config) throws(SettingsError) in
        config[keyPath: path] = try reader.texts(name, default: fallback.value(config, path))
      })
  }
}
