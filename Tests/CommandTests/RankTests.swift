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

    @Test(arguments: [(2, true, 3, false), (2, false, 3, true), (3, true, 2, true), (2, true, 1, false)])
    func `a run with a sharded optimizer goes on with other ranks, sharded or not`(
      first: Int, isSharded: Bool, second: Int, staysSharded: Bool
    ) throws {
      let workspace = try Workspace()
      // Another number of steps would be another cosine.
      let constant = ["--set", "schedule.kind=constant"]
      try Command.catlm(Workspace.training("run") + constant, in: workspace.path).run().succeeded()
      let train = { (ranks: Int, sharded: Bool, steps: Int) in
        let arguments =
          constant + ["--set", "parallel.shard_optimizer=\(sharded)", "--set", "train.steps=\(steps)"]
        try Command.mpirun(ranks: ranks, Workspace.training("sharded") + arguments, in: workspace.path).run()
          .succeeded()
      }
      try train(first, isSharded, 8)
      try train(second, staysSharded, 12)
      let (alone, together) = (try workspace.losses(), try workspace.losses(run: "sharded"))
      #expect(together.count == alone.count)
      for (step, (left, right)) in zip(alone, together).enumerated() {
        #expect(abs(left - right) <= 1e-5 * left, "step \(step + 1): \(left) alone, \(right) sharded")
      }
    }

    @Test func `sharded or not, overlapped or not, two ranks follow one curve`() throws {
      let workspace = try Workspace(isTrained: true)
      let alone = try workspace.losses()
      let settings = ["overlap=on", "overlap=off", "shard_optimizer=true"]
      let curves = try settings.map { setting in
        let arguments = ["--set", "parallel.\(setting)", "--set", "parallel.bucket_bytes=16384"]
        try Command.mpirun(ranks: 2, Workspace.training(setting) + arguments, in: workspace.path).run().succeeded()
        return try workspace.losses(run: setting)
      }
      #expect(curves[0] == curves[1], "overlap changed bits")
      for curve in curves {
        #expect(curve.count == alone.count)
        for (left, right) in zip(alone, curve) { #expect(abs(left - right) <= 1e-6 * left) }
      }
    }
  }
}
