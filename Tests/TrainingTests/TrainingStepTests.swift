import Parallel
import ReferenceBackend
import TensorCore
import Testing

@testable import Training

struct TrainingStepTests {
  @Test func `a step that is not finite changes nothing`() throws {
    let config = try SmallRun.recall()
    let run = try StepRun(config, group: SoloGroup())
    let (model, optimizer) = (run.model, run.optimizer)
    _ = try run.step(0, isStopRequested: false)
    model.parameters["lm_head.weight"].set(3, to: .infinity)
    let before = (
      model.parameters.weights.values.map(\.bitPattern), optimizer.firstMoments.values, optimizer.updateCount
    )
    let result = try run.step(1, isStopRequested: false)
    #expect(!result.isUpdated && !result.loss.isFinite)
    #expect(model.parameters.weights.values.map(\.bitPattern) == before.0)
    #expect(optimizer.firstMoments.values == before.1)
    #expect(optimizer.updateCount == before.2)
  }

  @Test func `one rank that is not finite holds all ranks back`() throws {
    let config = try SmallRun.recall()
    let updates = try ThreadGroup.run(size: 3) { group in
      let run = try StepRun(config, group: group)
      if group.rank == 1 { run.model.parameters["lm_head.weight"].set(3, to: .nan) }
      return try run.step(0, isStopRequested: false).isUpdated
    }
    #expect(updates == [false, false, false])
  }

  @Test func `a wish to stop on one rank reaches all`() throws {
    let config = try SmallRun.recall()
    let counts = try ThreadGroup.run(size: 3) { group in
      try StepRun(config, group: group).step(0, isStopRequested: group.rank == 2).stopRequestCount
    }
    #expect(counts == [1, 1, 1])
  }
}
