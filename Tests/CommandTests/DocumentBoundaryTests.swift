import Foundation
import JSON
import Testing

extension CommandTests {
  /// Documents kept apart, as a user does it.
  @Suite struct DocumentBoundaryTests {
    /// At a learning rate that does not hang on the number of steps.
    private static let reset = ["--set", "data.document_boundaries=reset", "--set", "schedule.kind=constant"]

    /// A workspace whose data are many short documents.
    private func workspace() throws -> Workspace {
      let workspace = try Workspace()
      try FileManager.default.removeItem(atPath: workspace.file("data"))
      try workspace.catlm("tokenize", "--output", "data", "--separator", "\n", "text.txt").succeeded()
      return workspace
    }

    @Test func `a run is trained, resumed, measured and evaluated`() throws {
      let workspace = try workspace()
      let training = Workspace.training("run") + Self.reset
      try Command.catlm(training + ["--set", "train.steps=4"], in: workspace.path).run().succeeded()
      try Command.catlm(training, in: workspace.path).run().succeeded()
      try Command.catlm(Workspace.training("whole") + Self.reset, in: workspace.path).run().succeeded()
      #expect(try workspace.losses() == workspace.losses(run: "whole"))
      // The first token of a document is no target, and none of the 128 inputs of a step is one for nothing.
      let tokens = try workspace.records().compactMap { $0["tokens"]?.integerValue }
      #expect(tokens.count == 12 && (tokens.last ?? 0) < 12 * 4 * 32 && (tokens.last ?? 0) > 12 * 4 * 20, "\(tokens)")
      let lines = try workspace.bytes("run/metrics.jsonl").split(separator: UInt8(ascii: "\n"))
      let records = try lines.map { try JSONValue(json: String(decoding: $0, as: UTF8.self)) }
      let validation = try #require(records.last { $0["validation_loss"] != nil })
      let outcome = try workspace.catlm(
        "evaluate", "run", "--json", "--quiet", "--chunk-sizes", "\(validation["chunk_size"]?.integerValue ?? 0)"
      ).succeeded()
      let loss = try #require(outcome.objects.first?["loss"]?.numberValue)
      #expect(abs(loss - (validation["validation_loss"]?.numberValue ?? 0)) <= 1e-6, "\(loss), \(validation)")
      let ignoring = try Command.catlm(Workspace.training("run"), in: workspace.path).run()
      #expect(ignoring.code == 2 && ignoring.errors.contains("data.document_boundaries"), "\(ignoring.errors)")
    }

    @Test func `shards of which nothing says where documents begin are refused`() throws {
      let workspace = try workspace()
      for name in ["train", "val"] {
        try FileManager.default.removeItem(atPath: workspace.file("data/tokens_\(name)_000000.documents"))
      }
      let outcome = try Command.catlm(Workspace.training("run") + Self.reset, in: workspace.path).run()
      #expect(
        outcome.code == 2 && outcome.errors.contains("found nothing that says where documents begin"),
        "\(outcome.errors)")
      #expect(outcome.errorLines.count == 1, "\(outcome.errors)")
    }

    @Test func `another word is refused with those that there are`() throws {
      let workspace = try Workspace()
      let training = Workspace.training("run") + ["--set", "data.document_boundaries=mask"]
      let outcome = try Command.catlm(training, in: workspace.path).run()
      #expect(outcome.code == 2 && outcome.errors.contains("ignore, reset"), "\(outcome.errors)")
    }
  }
}
