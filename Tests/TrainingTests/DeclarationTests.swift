import Foundation
import JSON
import Settings
import Testing
import Training

/// The declared keys of a run file against what reading one gives.
@Suite struct DeclarationTests {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  private static let examples: [String] =
    ((try? FileManager.default.subpathsOfDirectory(atPath: root.path + "/configs")) ?? [])
    .filter { $0.hasSuffix(".yaml") }.sorted()

  /// Kinds of model and of data, each with what it cannot do without.
  private static let minimal = [
    "model: {model_type: cat}\ndata: {context: 8, train: a}", "model: {model_type: cat_fixed}\ndata: {kind: mqar}",
    "model: {model_type: hybrid, num_attention_heads: 64, layers: [dense, window, cat, adaptive_cat]}\ndata: {context: 8, train: a}",
    "model: {model_type: llama}\ndata: {context: 8, train: a}",
  ]

  private static func declared(_ section: SectionDeclaration, in values: JSONValue) throws -> [KeyDeclaration] {
    guard let selector = section.keys.first, !section.kinds.isEmpty else { return section.keys }
    let kind = section.kinds.first { .text($0.name) == values[selector.name] }
    return section.keys + (try #require(kind)).keys.filter { !$0.name.contains("[") }
  }

  @Test(arguments: minimal) func `every key that is read is declared, and every declared key is read`(
    yaml: String
  ) throws {
    let resolved = try RunConfig(RunFile(yaml: yaml + "\ntrain: {steps: 1, batch_size: 1}", name: "run")).resolved
    #expect(resolved.entries?.map(\.key) == RunConfig.declarations.map(\.name))
    for section in RunConfig.declarations {
      let values = try #require(resolved[section.name])
      var names = try Self.declared(section, in: values).map(\.name)
      // A model without chunks has nothing to choose from.
      if yaml.contains("llama") { names.removeAll { ["chunk_sizes", "chunk_weights"].contains($0) } }
      #expect(Set(values.entries?.map(\.key) ?? []) == Set(names), "\(section.name)")
    }
  }

  @Test(arguments: minimal) func `a key that is absent has its declared default`(yaml: String) throws {
    let resolved = try RunConfig(RunFile(yaml: yaml + "\ntrain: {steps: 1, batch_size: 1}", name: "run")).resolved
    for section in RunConfig.declarations {
      let values = try #require(resolved[section.name])
      for key in try Self.declared(section, in: values) where !yaml.contains(key.name + ":") && values[key.name] != nil
      {
        switch key.fallback {
        case .required, .derived: break
        case .none: #expect(values[key.name] == .null, "\(section.name).\(key.name)")
        case .value(let standard): #expect(values[key.name] == standard, "\(section.name).\(key.name)")
        }
      }
    }
  }

  @Test func `every declared key has a sentence, and its name stands once in its section`() {
    for section in RunConfig.declarations {
      #expect(!section.sentence.isEmpty)
      for kind in section.kinds.isEmpty ? [section.keys] : section.kinds.map({ section.keys + $0.keys }) {
        #expect(Set(kind.map(\.name)).count == kind.count)
        for key in kind { #expect(key.sentence.hasSuffix(".") && !key.allowed.isEmpty, "\(section.name).\(key.name)") }
      }
    }
  }

  @Test(arguments: examples) func `every example's keys are declared`(name: String) throws {
    let file = try RunFile(path: Self.root.path + "/configs/" + name, overrides: [])
    try file.requireDeclared(RunConfig.declarations)
    _ = try RunConfig(file)
  }
}
