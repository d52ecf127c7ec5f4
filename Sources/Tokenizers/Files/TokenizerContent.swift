internal import JSON

/// The parts of a `tokenizer.json`: the large ones where they stand in the file, the rest as settings.
struct TokenizerContent {
  /// The file without what is large.
  private(set) var root = JSONValue.null
  /// Each token of the model with its id, in the order of the file.
  private(set) var vocabulary: [(token: [UInt8], id: Int)] = []
  /// The two tokens of each merge, in the order of the file.
  private(set) var merges: [(left: [UInt8], right: [UInt8])] = []

  init(_ bytes: [UInt8], source: String) throws(JSONError) {
    var scanner = JSONScanner(bytes, source: source)
    var entries: [JSONValue.Entry] = []
    var key: [UInt8] = []
    var isFirst = true
    try scanner.beginObject()
    var model: Range<Int>?
    while try scanner.nextEntry(&key, isFirst: &isFirst) {
      let name = String(decoding: key, as: UTF8.self)
      guard !entries.contains(where: { $0.key == name }), name != "model" || model == nil else {
        throw scanner.error("key \"\(name)\" occurs twice")
      }
      if name == "model" {
        model = try scanner.skipValue()
      } else {
        entries.append(.init(key: name, value: try scanner.readValue()))
      }
    }
    try scanner.finish()
    if let model {
      var scanner = JSONScanner(bytes, range: model, source: source)
      entries.append(.init(key: "model", value: try readModel(&scanner)))
    }
    root = .mapping(entries)
  }

  private mutating func readModel(_ scanner: inout JSONScanner) throws(JSONError) -> JSONValue {
    guard scanner.peekValue() == UInt8(ascii: "{") else { return try scanner.readValue() }
    var entries: [JSONValue.Entry] = []
    var key: [UInt8] = []
    var isFirst = true
    try scanner.beginObject()
    while try scanner.nextEntry(&key, isFirst: &isFirst) {
      let name = String(decoding: key, as: UTF8.self)
      guard !entries.contains(where: { $0.key == name }) else { throw scanner.error("key \"\(name)\" occurs twice") }
      let value: JSONValue
      switch name {
      case "vocab": value = .integer(try readVocabulary(&scanner))
      case "merges": value = .integer(try readMerges(&scanner))
      default: value = try scanner.readValue()
      }
      entries.append(.init(key: name, value: value))
    }
    return .mapping(entries)
  }

  private mutating func readVocabulary(_ scanner: inout JSONScanner) throws(JSONError) -> Int {
    var token: [UInt8] = []
    var isFirst = true
    try scanner.beginObject()
    while try scanner.nextEntry(&token, isFirst: &isFirst) {
      guard let id = try scanner.readNumber().integerValue, (0...TokenTable.largestID).contains(id) else {
        throw scanner.error("model.vocab: an id outside of 0...\(TokenTable.largestID)")
      }
      vocabulary.append((token, id))
    }
    return vocabulary.count
  }

  private mutating func readMerges(_ scanner: inout JSONScanner) throws(JSONError) -> Int {
    var isFirst = true
    try scanner.beginList()
    while try scanner.nextElement(isFirst: &isFirst) {
      merges.append(try readMerge(&scanner))
    }
    return merges.count
  }

  /// A merge is written as one text with a blank between its two, or as a list of them.
  private func readMerge(_ scanner: inout JSONScanner) throws(JSONError) -> (left: [UInt8], right: [UInt8]) {
    var text: [UInt8] = []
    guard scanner.peekValue() == UInt8(ascii: "[") else {
      try scanner.readText(&text)
      let tokens = text.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
      guard tokens.count == 2 else { throw scanner.error("model.merges: not two texts with a blank between them") }
      return (Array(tokens[0]), Array(tokens[1]))
    }
    var tokens: [[UInt8]] = []
    var isFirst = true
    try scanner.beginList()
    while try scanner.nextElement(isFirst: &isFirst) {
      try scanner.readText(&text)
      tokens.append(text)
      guard tokens.count <= 2 else { break }
    }
    guard tokens.count == 2 else { throw scanner.error("model.merges: not two texts") }
    return (tokens[0], tokens[1])
  }
}
