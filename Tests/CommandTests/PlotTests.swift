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

    @Test func `a run becomes a picture of its curves`() throws {
      let workspace = try Workspace(isTrained: true)
      try workspace.catlm("plot", "run", "--output", "curve.svg").succeeded()
      let picture = String(decoding: try workspace.bytes("curve.svg"), as: UTF8.self)
      for text in ["<svg ", ">training<", ">validation, C = 8<", "step"] { #expect(picture.contains(text)) }
    }
  }
}
