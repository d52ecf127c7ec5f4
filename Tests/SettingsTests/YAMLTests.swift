import Testing

@testable import JSON
@testable import Settings

@Suite struct YAMLTests {
  static let scalars: [(String, JSONValue)] = [
    ("", nil), ("~", nil), ("null", nil), ("true", true), ("False", false), ("0", 0), ("-17", -17), ("+5", 5),
    ("1_000_000", 1_000_000), ("0x1F", 31), ("0o17", 15), ("9223372036854775807", .integer(.max)),
    ("9223372036854775808", 9223372036854775808.0), ("1.5", 1.5), ("1.", 1.0), (".5", 0.5), ("-.5e3", -500.0),
    ("1e-6", 1e-6), ("1E6", 1e6), (".inf", .number(.infinity)), ("-.inf", .number(-.infinity)),
    // Text, although another version of YAML or a careless reader would say otherwise.
    ("yes", "yes"), ("off", "off"), ("010", "010"), ("1:30", "1:30"), ("2024-01-01", "2024-01-01"), ("1__", "1__"),
    ("1e", "1e"), (".", "."), ("-", "-"), ("0x", "0x"), ("0x-5", "0x-5"), ("0o9", "0o9"), ("1e999", "1e999"),
    ("nan", "nan"), ("e5", "e5"), ("1.2.3", "1.2.3"),
  ]

  @Test(arguments: scalars) func `plain scalars mean what the core schema says`(text: String, meaning: JSONValue) throws
  {
    guard text != "-" else { return }  // alone it begins a list
    #expect(try JSONValue(yaml: "a: \(text)", source: "x") == ["a": meaning])
  }

  @Test(arguments: scalars) func `quoted scalars are text`(text: String, meaning: JSONValue) throws {
    #expect(
      try JSONValue(yaml: "a: '\(text)'\nb: \"\(text)\"\nc: !!str \"\(text)\"", source: "x")
        == ["a": .text(text), "b": .text(text), "c": .text(text)])
  }

  @Test func `lists and mappings keep their order, in block and in flow style`() throws {
    let text = """
      z: [1, 2.5, a, [true]]
      a:
        - x: 1
          y: {k: v}
        -
          - 3
      m: {}
      n: []
      """
    let expected: JSONValue = [
      "z": [1, 2.5, "a", [true]], "a": [["x": 1, "y": ["k": "v"]], [3]], "m": [:], "n": [],
    ]
    #expect(try JSONValue(yaml: text, source: "x") == expected)
    #expect(try JSONValue(yaml: expected.yaml(), source: "x") == expected)
  }

  @Test func `aliases are followed`() throws {
    #expect(try JSONValue(yaml: "a: &x [1, 2]\nb: *x", source: "x") == ["a": [1, 2], "b": [1, 2]])
  }

  @Test(arguments: [
    ("a: 1\nb: 2\na: 3", "f.yaml:1: cannot be read: key \"a\" occurs twice"),
    ("a: 1\n'a': 3", "f.yaml:1: cannot be read: key \"a\" occurs twice"),
    ("'1': 1\nb: 2\n1: 3", "f.yaml:"),
    ("a: [1, 2\nb: 3\n", "f.yaml:2: cannot be read: "),
    ("a: 1\nb:\n\t- 1", "f.yaml:3: cannot be read: "),
    ("a: !!int 5", "f.yaml:1: cannot be read: tag"),
    ("a: 1\n---\nb: 2", "f.yaml:2: cannot be read: "),
    ("a: *nothing", "f.yaml:1: cannot be read: found undefined alias"),
    ("a: 1\n[1, 2]: 3", "f.yaml:2: cannot be read: "),
    ("a: 1\nb: \u{1}", "f.yaml:2: cannot be read: "),
    ("a: \"\\ud83d\"", "f.yaml:1: cannot be read: "),
  ])
  func `what is not YAML is refused with its line`(text: String, beginning: String) {
    let error = #expect(throws: JSONError.self) { try JSONValue(yaml: text, source: "f.yaml") }
    #expect(error?.kind == .unreadable)
    #expect(error?.description.hasPrefix(beginning) == true, "\(error?.description ?? "")")
    #expect(error?.description.contains("\n") == false)
  }

  @Test func `aliases that stand for more values than memory holds are refused`() {
    var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for level in 1...8 {
      let aliases = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
      text += "a\(level): &a\(level) [\(aliases)]\n"
    }
    let error = #expect(throws: JSONError.self) { try JSONValue(yaml: text, source: "f") }
    #expect(error?.found == "more than 100000 values")
  }

  @Test(arguments: [("[", "]"), ("{a: ", "}"), ("- ", ""), ("[{a: ", "}]")])
  func `deep nesting is refused`(opening: String, closing: String) {
    let text = String(repeating: opening, count: 100_000)
    #expect(throws: JSONError.self) { try JSONValue(yaml: text, source: "f") }
    let closed = text + String(repeating: closing, count: 100_000)
    #expect(throws: JSONError.self) { try JSONValue(yaml: closed, source: "f") }
  }

  @Test func `nesting of many levels is read and written`() throws {
    let text = String(repeating: "[", count: 150) + String(repeating: "]", count: 150)
    let setting = try JSONValue(yaml: text, source: "f")
    #expect(try JSONValue(yaml: setting.yaml(), source: "f") == setting)
    #expect(try JSONValue(json: setting.json()) == setting)
  }

  @Test(arguments: [
    "", " ", "a b", "yes", "No", "null", "~", "true", "1", "1.5", "1e5", "0x1", "- a", "a: b", "#c", "a #c", "*x", "&x",
    "!x", "%x", "@x", "`x", "'x", "\"x", "line\nbreak", "tab\tx", "\u{1}\u{7F}\u{85}\u{2028}\u{FEFF}", "é 漢 🐈", "{",
    "[",
    "back\\slash", "trailing:", "2024-01-01", "?", "=", "<<", "data/*.bin", "runs/a.b-c", "...", "---", ".inf", "1_0",
    "\u{FFFE}", "\r\n",
  ])
  func `text survives YAML and JSON`(text: String) throws {
    let setting = JSONValue.mapping([
      .init(key: text, value: .list([.text(text), .mapping([.init(key: "k", value: .text(text))])]))
    ])
    #expect(try JSONValue(yaml: setting.yaml(), source: "x") == setting, "\(setting.yaml())")
    #expect(try JSONValue(json: setting.json()) == setting)
    #expect(try JSONValue(json: setting.json(pretty: true)) == setting)
    #expect(try JSONValue(yaml: setting.json(pretty: true), source: "x") == setting)
  }

  @Test func `numbers survive YAML and JSON to the bit`() throws {
    var state: UInt64 = 1
    var values: [Double] = [
      0, -0.0, 1e-6, 1e16, 1e300, .leastNonzeroMagnitude, 0.1, -2.5, 123_456_789, .greatestFiniteMagnitude,
    ]
    for _ in 0..<1000 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let value = Double(bitPattern: state)
      if value.isFinite { values.append(value) }
    }
    for value in values {
      let yaml = try JSONValue(yaml: JSONValue.number(value).yaml(), source: "x")
      let json = try JSONValue(json: JSONValue.number(value).json())
      #expect(yaml.numberValue?.bitPattern == value.bitPattern, "\(JSONValue.number(value).yaml())")
      #expect(json.numberValue?.bitPattern == value.bitPattern)
    }
  }

  @Test func `the block style is what people write`() {
    let setting: JSONValue = [
      "model": ["model_type": "cat", "hidden_size": 256, "eps": 1e-6, "tied": true],
      "train": ["chunk_sizes": [4, 8, 16], "segments": [[64, 4], [128, 8]], "note": "a: b"], "empty": [:], "none": nil,
    ]
    #expect(
      setting.yaml() == """
        model:
          model_type: cat
          hidden_size: 256
          eps: 1.0e-06
          tied: true
        train:
          chunk_sizes: [4, 8, 16]
          segments:
            - [64, 4]
            - [128, 8]
          note: "a: b"
        empty: {}
        none: null

        """)
  }

  @Test func `mutated run files never crash`() {
    let base = Array(
      "model:\n  hidden_size: 256\n  sizes: [4, 8, \"a\"]\ntrain: &x\n  rate: 1.0e-3\n  list:\n    - {a: 'b'}\n".utf8)
    var state: UInt64 = 7
    func random(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % UInt64(bound))
    }
    var readable = 0
    for _ in 0..<3000 {
      var bytes = base
      for _ in 0...random(4) {
        switch random(3) {
        case 0: bytes[random(bytes.count)] = UInt8(random(128))
        case 1: bytes.insert(UInt8(random(128)), at: random(bytes.count))
        default: bytes.remove(at: random(bytes.count))
        }
      }
      if let setting = try? JSONValue(yaml: String(decoding: bytes, as: UTF8.self), source: "x") {
        readable += 1
        #expect((try? JSONValue(yaml: setting.yaml(), source: "x")) == setting, "\(setting.yaml())")
      }
    }
    #expect(readable > 100)
  }
}
