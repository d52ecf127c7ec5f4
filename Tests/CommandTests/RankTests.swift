import Testing

extension CommandTests {
  @Suite struct RankTests {
    @Test(arguments: [2, 3])
    func `ranks give the losses of one`(_ count: Int) throws {
      let workspace = try Workspace(isTrained: true)
      let alone = try workspace.losses()
      try Command.mpirun(ranks: count, Workspace.training("ranks"), in: workspace.path).run().succeeded()
      let together = try workspace.losses(run: "ranks")
      #expect(together.count == alone.count)
      for (step, (left, right)) in zip(alone, together).enumerated() {
        #expect(abs(left - right) <= 1e-6 * left, "step \(step + 1): \(left) alone, \(right) on \(count) ranks")
      }
    }

    @Test func `a run goes on with another number of ranks`() throws {
      let workspace = try Workspace(isTrained: true)
      let arguments = Workspace.training("run") + ["--set", "train.steps=16"]
      let outcome = try Command.mpirun(ranks: 2, arguments, in: workspace.path).run().succeeded()
      #expect(outcome.errors.contains("ranks changed"), "\(outcome.errors)")
      #expect(try workspace.records().count == 16)
    }
  }
}
