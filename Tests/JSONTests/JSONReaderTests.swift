import Testing

@testable import JSON
@testable import Settings

@Suite struct JSONReaderTests {
  enum Schedule: String, CaseIterable { case uniform, cycle }

  static func reader(_ yaml: String) throws -> JSONReader {
    let root = try JSONValue(yaml: yaml, source: "f.yaml")
    return try JSONReader(root, path: "", source: "f.yaml").section("train")
  }

  static func message(_ yaml: String, _ read: (JSONReader) throws -> Void) throws -> String? {
    let reader = try reader(yaml)
    let error = #expect(throws: JSONError.self) { try read(reader) }
    return error?.description
  }

  @Test func `values are read and resolved in the order of reading, defaults filled in`() throws {
    let root = try JSONValue(yaml: "train: {b: 2, a: 1e6, list: 3, s: cycle, inner: {x: null}}", source: "f")
    let whole = JSONReader(root, path: "")
    let reader = try whole.section("train")
    #expect(try reader.integer("a") == 1_000_000)
    #expect(try reader.number("b") == 2)
    #expect(try reader.integers("list", in: 1...9) == [3])
    #expect(try reader.choice("s", default: Schedule.uniform) == .cycle)
    #expect(try reader.section("inner").optionalInteger("x") == nil)
    #expect(try reader.flag("f", default: true))
    #expect(try reader.text("t", default: "x y") == "x y")
    #expect(try reader.texts("paths", default: ["p"]) == ["p"])
    #expect(try reader.optionalChoice("c") as Schedule? == nil)
    #expect(try reader.integer("a") == 1_000_000)
    let resolved: JSONValue = [
      "train": [
        "a": 1_000_000, "b": 2.0, "list": [3], "s": "cycle", "inner": ["x": nil], "f": true, "t": "x y",
        "paths": ["p"], "c": nil,
      ]
    ]
    #expect(whole.resolved == resolved)
    try whole.finish()
  }

  @Test func `every error is one line with the full path`() throws {
    #expect(
      try Self.message("train: {batch_size: 0}") { _ = try $0.integer("batch_size", in: 1...4096) }
        == "f.yaml: train.batch_size: found 0; allowed: an integer in 1...4096")
    #expect(
      try Self.message("train: {batch_size: a}") { _ = try $0.integer("batch_size") }
        == "f.yaml: train.batch_size: found text \"a\"; allowed: an integer in 0...")
    #expect(
      try Self.message("train: {batch_size: 1.5}") { _ = try $0.integer("batch_size") }
        == "f.yaml: train.batch_size: found 1.5; allowed: an integer in 0...")
    #expect(
      try Self.message("train: {}") { _ = try $0.integer("steps", in: 1...Int.max) }
        == "f.yaml: train.steps: missing; required: an integer in 1...")
    #expect(
      try Self.message("train: {rate: -1}") { _ = try $0.number("rate", in: Double.leastNonzeroMagnitude...1) }
        == "f.yaml: train.rate: found -1; allowed: a number above 0 and at most 1.0")
    #expect(
      try Self.message("train: {rate: .nan}") { _ = try $0.number("rate") }
        == "f.yaml: train.rate: found nan; allowed: a finite number")
    #expect(
      try Self.message("train: {on: yes}") { _ = try $0.flag("on") }
        == "f.yaml: train.on: found text \"yes\"; allowed: true or false")
    #expect(
      try Self.message("train: {name: 5}") { _ = try $0.text("name") }
        == "f.yaml: train.name: found 5; allowed: text")
    #expect(
      try Self.message("train: {s: Cycle}") { _ = try $0.choice("s", default: Schedule.cycle) }
        == "f.yaml: train.s: found text \"Cycle\"; allowed: one of uniform, cycle")
    #expect(
      try Self.message("train: {sizes: [4, 0]}") { _ = try $0.integers("sizes", in: 1...64) }
        == "f.yaml: train.sizes[1]: found 0; allowed: an integer in 1...64")
    #expect(
      try Self.message("train: {inner: [1]}") { _ = try $0.section("inner") }
        == "f.yaml: train.inner: found a list of 1; allowed: a mapping")
    #expect(
      try Self.message("train: {a: null}") { _ = try $0.integer("a", default: 1) }
        == "f.yaml: train.a: found null; allowed: an integer in 0...")
    #expect(
      try Self.message("train: {text: \"a\\nb\"}") { _ = try $0.integer("text") }
        == "f.yaml: train.text: found text \"a\\nb\"; allowed: an integer in 0...")
    #expect(
      JSONError.invalid(key: "train.a", found: "3", allowed: "a multiple of b (2)").description
        == "train.a: found 3; allowed: a multiple of b (2)")
    #expect(
      try Self.reader("").invalid("a", found: "3", allowed: "even").description
        == "f.yaml: train.a: found 3; allowed: even")
  }

  @Test func `unknown keys are refused, with the nearest known one`() throws {
    let message = try Self.message("train: {batch_sise: 3, inner: {}}") { reader in
      _ = try reader.integer("batch_size", default: 1)
      _ = try reader.section("inner")
      reader.ignore(["steps"])
      try reader.finish()
    }
    #expect(
      message
        == "f.yaml: train.batch_sise: unknown key; did you mean train.batch_size? allowed here: batch_size, inner, steps"
    )
  }

  @Test func `unknown keys of sections are refused by the whole`() throws {
    let whole = JSONReader(["train": ["inner": ["q": 1]]], path: "")
    _ = try whole.section("train").section("inner")
    let error = #expect(throws: JSONError.self) { try whole.finish() }
    #expect(error?.description == "train.inner.q: unknown key; no key is allowed here")
  }

  @Test func `ignored keys are accepted and leave no trace`() throws {
    let reader = JSONReader(["torch_dtype": "float32", "a": 1], path: "model")
    reader.ignore(["torch_dtype", "absent"])
    #expect(try reader.integer("a") == 1)
    try reader.finish()
    #expect(reader.resolved == ["a": 1])
  }

  @Test func `absent and null sections are empty, and a section asked for twice is the same`() throws {
    let whole = JSONReader(["a": nil], path: "")
    #expect(try whole.section("a").integer("x", default: 3) == 3)
    #expect(try whole.section("b").integer("x", default: 4) == 4)
    #expect(try whole.section("a") === whole.section("a"))
    #expect(whole.resolved == ["a": ["x": 3], "b": ["x": 4]])
    try whole.finish()
  }

  @Test func `presence means a value other than null`() {
    let reader = JSONReader(["a": nil, "b": false], path: "")
    #expect(!reader.has("a") && reader.has("b") && !reader.has("c"))
  }

  @Test func `a list where a mapping belongs is refused at the first read`() {
    let reader = JSONReader([1, 2], path: "model")
    let error = #expect(throws: JSONError.self) { try reader.integer("a", default: 1) }
    #expect(error?.description == "model: found a list of 2; allowed: a mapping")
    #expect(throws: JSONError.self) { try reader.finish() }
  }
}
