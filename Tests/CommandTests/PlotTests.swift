import Foundation
import Testing

extension CommandTests {
  @Suite struct PlotTests {
    @Test func `what evaluate prints becomes a picture with a point a chunk size`() throws {
      let workspace = try Workspace(isTrained: true)
      try workspace.write(workspace.catlm("evaluate", "run", "--json").succeeded().output, "adaptive.jsonl")
      try workspace.catlm("plot", "adaptive.jsonl", "--output", "tradeoff.svg").succeeded()
      let picture = String(decoding: try workspace.bytes("tradeoff.svg"), as: UTF8.self)
      for text in ["<svg ", "C = 1<", "C = 2<", "C = 8<", "adaptive", "KiB"] { #expect(picture.contains(text)) }
    }

    @Test func `a picture takes the place of pictures alone`() throws {
      let workspace = try Workspace(isTrained: true)
      let results = try workspace.catlm("evaluate", "run", "--json").succeeded().output
      try workspace.write(results, "a.jsonl")
      for (output, reason) in [
        ("a.jsonl", "which a.jsonl is"), ("./a.jsonl", "which a.jsonl is"), ("tiny.yaml", "does not begin with <svg"),
        ("data", "a directory"),
      ] {
        let outcome = try workspace.catlm("plot", "a.jsonl", "--output", output)
        #expect(outcome.code == 2 && outcome.errorLines.count == 1, "\(outcome.errors)")
        #expect(
          outcome.errors.contains("--output: found \(output)") && outcome.errors.contains(reason), "\(outcome.errors)")
      }
      #expect(try workspace.bytes("a.jsonl") == Data(results.utf8))
      for _ in 0..<2 { try workspace.catlm("plot", "a.jsonl", "--output", "a.svg").succeeded() }
      let page = try workspace.catlm("report", "run", "--output", "a.svg")
      #expect(page.code == 2 && page.errors.contains("does not begin with <!DOCTYPE html>"), "\(page.errors)")
    }

    @Test func `a line of metrics that is no record is said`() throws {
      let workspace = try Workspace(isTrained: true)
      let metrics = String(decoding: try workspace.bytes("run/metrics.jsonl"), as: UTF8.self)
      try workspace.write("garbage\n" + metrics, "run/metrics.jsonl")
      let outcome = try workspace.catlm("plot", "run", "--output", "curve.svg").succeeded()
      #expect(outcome.errors.contains("run/metrics.jsonl: line 1 is no record"), "\(outcome.errors)")
    }

    @Test func `a run becomes a picture of its curves`() throws {
      let workspace = try Workspace(isTrained: true)
      try workspace.catlm("plot", "run", "--output", "curve.svg").succeeded()
      let picture = String(decoding: try workspace.bytes("curve.svg"), as: UTF8.self)
      for text in ["<svg ", ">training<", ">validation, C = 8<", "step"] { #expect(picture.contains(text)) }
    }
  }
}
