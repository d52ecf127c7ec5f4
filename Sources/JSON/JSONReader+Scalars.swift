extension JSONReader {
  /// The integer under `key`.
  ///
  /// - Parameters:
  ///   - default: taken where the key is absent; nil makes the key required.
  ///   - allowed: what it may be. Whole numbers such as `1e6` count as integers.
  package func integer(
    _ key: String, default: Int? = nil, in allowed: ClosedRange<Int> = 0...Int.max
  ) throws(JSONError) -> Int {
    let rule = AllowedValues.describe(allowed)
    let value = try required(key, `default`.map(JSONValue.integer), rule)
    return recorded(key, try checked(key, value, in: allowed), JSONValue.integer)
  }

  /// The integer under `key`; nil if the key is absent or null.
  package func optionalInteger(
    _ key: String, in allowed: ClosedRange<Int> = 0...Int.max
  ) throws(JSONError) -> Int? {
    guard let value = try optional(key) else { return nil }
    return recorded(key, try checked(key, value, in: allowed), JSONValue.integer)
  }

  /// The number under `key`; integers count.
  ///
  /// - Parameters:
  ///   - default: taken where the key is absent; nil makes the key required.
  ///   - allowed: what it may be; never an infinity or no number.
  package func number(
    _ key: String, default: Double? = nil, in allowed: ClosedRange<Double> = anyNumber
  ) throws(JSONError) -> Double {
    let rule = AllowedValues.describe(allowed)
    let value = try required(key, `default`.map(JSONValue.number), rule)
    return recorded(key, try checked(key, value, in: allowed), JSONValue.number)
  }

  /// The number under `key`; nil if the key is absent or null.
  package func optionalNumber(
    _ key: String, in allowed: ClosedRange<Double> = anyNumber
  ) throws(JSONError) -> Double? {
    guard let value = try optional(key) else { return nil }
    return recorded(key, try checked(key, value, in: allowed), JSONValue.number)
  }

  /// The flag under `key`: `true` or `false`.
  package func flag(_ key: String, default: Bool? = nil) throws(JSONError) -> Bool {
    let rule = "true or false"
    let value = try required(key, `default`.map(JSONValue.flag), rule)
    guard let flag = value.flagValue else { throw wrongType(key, value, allowed: rule) }
    return recorded(key, flag, JSONValue.flag)
  }

  /// The text under `key`.
  package func text(_ key: String, default: String? = nil) throws(JSONError) -> String {
    let value = try required(key, `default`.map(JSONValue.text), "text")
    return recorded(key, try checkedText(key, value), JSONValue.text)
  }

  /// The text under `key`; nil if the key is absent or null.
  package func optionalText(_ key: String) throws(JSONError) -> String? {
    guard let value = try optional(key) else { return nil }
    return recorded(key, try checkedText(key, value), JSONValue.text)
  }

  /// The case of `C` whose raw value stands under `key`.
  package func choice<C: RawRepresentable & CaseIterable>(
    _ key: String, default: C? = nil
  ) throws(JSONError) -> C where C.RawValue == String {
    let fallback = (`default`?.rawValue).map(JSONValue.text)
    let value = try required(key, fallback, AllowedValues.describe(C.self))
    return recorded(key, try checked(key, value, as: C.self)) { .text($0.rawValue) }
  }

  /// The case of `C` whose raw value stands under `key`; nil if the key is absent or null.
  package func optionalChoice<C: RawRepresentable & CaseIterable>(
    _ key: String
  ) throws(JSONError) -> C? where C.RawValue == String {
    guard let value = try optional(key) else { return nil }
    return recorded(key, try checked(key, value, as: C.self)) { .text($0.rawValue) }
  }

  /// All numbers that are neither infinite nor no number.
  package static var anyNumber: ClosedRange<Double> {
    -Double.greatestFiniteMagnitude...Double.greatestFiniteMagnitude
  }

  // MARK: What these share with the lists

  func required(_ key: String, _ fallback: JSONValue?, _ rule: String) throws(JSONError) -> JSONValue {
    if let value = try lookUp(key) ?? fallback { return value }
    throw error(.missingKey, key, found: "nothing", allowed: rule)
  }

  /// The value under `key`; nil, and recorded as null, if it is absent or null.
  func optional(_ key: String) throws(JSONError) -> JSONValue? {
    if let value = try lookUp(key), value != .null { return value }
    record(key, .null)
    return nil
  }

  func recorded<T>(_ key: String, _ value: T, _ setting: (T) -> JSONValue) -> T {
    record(key, setting(value))
    return value
  }

  func checked(_ key: String, _ value: JSONValue, in allowed: ClosedRange<Int>) throws(JSONError) -> Int {
    let rule = AllowedValues.describe(allowed)
    guard let integer = value.integerValue else { throw wrongType(key, value, allowed: rule) }
    guard allowed.contains(integer) else { throw error(.outOfRange, key, found: value.brief, allowed: rule) }
    return integer
  }

  func checked(_ key: String, _ value: JSONValue, in allowed: ClosedRange<Double>) throws(JSONError) -> Double {
    let rule = AllowedValues.describe(allowed)
    guard let number = value.numberValue else { throw wrongType(key, value, allowed: rule) }
    guard allowed.contains(number), number.isFinite else {
      throw error(.outOfRange, key, found: value.brief, allowed: rule)
    }
    return number
  }

  private func checked<C: RawRepresentable & CaseIterable>(
    _ key: String, _ value: JSONValue, as type: C.Type
  ) throws(JSONError) -> C where C.RawValue == String {
    let rule = AllowedValues.describe(type)
    guard let text = value.textValue else { throw wrongType(key, value, allowed: rule) }
    guard let choice = C(rawValue: text) else { throw error(.outOfRange, key, found: value.brief, allowed: rule) }
    return choice
  }

  func checkedText(_ key: String, _ value: JSONValue) throws(JSONError) -> String {
    guard let text = value.textValue else { throw wrongType(key, value, allowed: "text") }
    return text
  }
}
