import Foundation
import JSON
import Testing

extension CommandTests {
  @Suite struct CheckpointDiffTests {
    @Test func `a run does not differ from itself, and differs between steps`() throws {
      let workspace = try Workspace(isTrained: true)
      let same = try workspace.catlm("checkpoint", "diff", "run", workspace.latest()).succeeded()
      #expect(same.output.hasPrefix("no difference: "))
      let other = "run/checkpoints/step-00000004"
      let outcome = try workspace.catlm("checkpoint", "diff", "run", other)
      #expect(outcome.code == 1 && outcome.errors.isEmpty, "\(outcome.errors)")
      #expect(outcome.outputLines.contains("trainer_state.json.step: 12 | 4"), "\(outcome.output)")
      #expect(outcome.outputLines.contains { $0.hasPrefix("lm_head.weight: ") && $0.contains("elements differ") })
    }

    @Test func `json is one object`() throws {
      let workspace = try Workspace(isTrained: true)
      let outcome = try workspace.catlm("checkpoint", "diff", "--json", "run", "run/checkpoints/step-00000004")
      let object = try #require(try outcome.objects.first)
      #expect(outcome.code == 1 && outcome.outputLines.count == 1)
      #expect(object["equal"] == .flag(false))
      let tensors = try #require(object["tensors"]?.listValue)
      #expect(try tensors.count == #require(object["common_tensors"]?.integerValue))
      #expect(tensors.allSatisfy { $0["largest"]?.numberValue ?? 0 > 0 })
    }

    @Test func `what is no checkpoint is bad input, not a difference`() throws {
      let workspace = try Workspace()
      let outcome = try workspace.catlm("checkpoint", "diff", "nowhere", "data")
      #expect(outcome.code == 2 && outcome.errorLines.count == 1, "\(outcome.errors)")
    }
  }
}
