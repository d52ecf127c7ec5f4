import Foundation
import Testing

@testable import JSON
@testable import Settings

@Suite struct RunFileTests {
  @Test func `overrides change, add and replace keys`() throws {
    let file = try RunFile(
      yaml: "model: {hidden_size: 64}\ntrain:\n",
      overrides: [
        "model.hidden_size=128", "train.chunk_sizes=[4, 8]", "train.rate=1e-3", "new.deep.key=a b=c", "train.none=",
      ], name: "run")
    #expect(
      file.root == [
        "model": ["hidden_size": 128], "train": ["chunk_sizes": [4, 8], "rate": 1e-3, "none": nil],
        "new": ["deep": ["key": "a b=c"]],
      ])
    #expect(try file.reader().section("model").path == "model")
  }

  @Test(arguments: [
    "model", "=1", ".a=1", "model.=1", "a b=1", "a={x: 1}", "a=[1, [2]]", "a=[1", "a=*.bin", "model.size.x=1",
  ])
  func `a malformed override names itself`(text: String) {
    let error = #expect(throws: JSONError.self) {
      try RunFile(yaml: "model: {size: 1}", overrides: [text], name: "run")
    }
    #expect(error?.kind == .malformedOverride)
    #expect(
      error?.description.hasPrefix("--set: found \"\(text)\"; allowed: ") == true, "\(error?.description ?? "")")
  }

  @Test func `the name is the file's without its extension`() throws {
    let path = FileManager.default.temporaryDirectory.appending(path: "lm-cat.small-\(UUID().uuidString).yaml").path
    try "a: 1\n".write(toFile: path, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(atPath: path) }
    let file = try RunFile(path: path, overrides: [])
    #expect(file.name.hasPrefix("lm-cat.small-") && !file.name.hasSuffix(".yaml"))
    let error = #expect(throws: JSONError.self) { try file.reader().finish() }
    #expect(error?.description == "\(path): a: unknown key; no key is allowed here")
  }

  @Test func `a file that is missing, a directory or not UTF-8 is refused by name`() throws {
    let missing = #expect(throws: JSONError.self) { try RunFile(path: "/nowhere/a.yaml", overrides: []) }
    #expect(missing?.kind == .missingFile)
    #expect(missing?.description == "/nowhere/a.yaml: cannot be read: No such file or directory")
    #expect(throws: JSONError.self) { try RunFile(path: "/tmp", overrides: []) }
    let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).yaml").path
    try Data([0x61, 0x3A, 0xFF]).write(to: URL(filePath: path))
    defer { try? FileManager.default.removeItem(atPath: path) }
    let invalid = #expect(throws: JSONError.self) { try RunFile(path: path, overrides: []) }
    #expect(invalid?.description == "\(path): cannot be read: not UTF-8")
  }

  @Test(arguments: ["- 1", "text", "5"]) func `a file that is no mapping is refused`(yaml: String) {
    let error = #expect(throws: JSONError.self) { try RunFile(yaml: yaml, name: "run") }
    #expect(error?.kind == .unreadable)
  }

  @Test func `an empty file is an empty mapping`() throws {
    #expect(try RunFile(yaml: "# nothing\n", name: "run").root == [:])
  }

  @Test func `the resolved configuration reads back as itself`() throws {
    let file = try RunFile(yaml: "train: {rate: 8e-4, sizes: [4, 8], note: 'yes'}", name: "run")
    func resolve(_ file: RunFile) throws -> JSONValue {
      let reader = file.reader()
      let train = try reader.section("train")
      _ = try train.number("rate")
      _ = try train.integers("sizes")
      _ = try train.text("note")
      _ = try train.optionalText("path")
      try reader.finish()
      return reader.resolved
    }
    let resolved = try resolve(file)
    #expect(try resolve(RunFile(yaml: resolved.yaml(), name: "again")) == resolved)
  }
}
