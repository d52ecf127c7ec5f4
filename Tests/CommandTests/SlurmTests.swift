import Foundation
import Testing

extension CommandTests {
  /// `launch/slurm.sbatch` with programs in the place of Slurm's.
  @Suite struct SlurmTests {
    private let workspace: Workspace

    init() throws {
      workspace = try Workspace()
      // Ends with the code of the file `code`; without one, runs until USR1, then ends with 0.
      try workspace.write(
        program: "bin/srun",
        """
        trap 'echo USR1 >>signals; exit 0' USR1
        echo "$@" >>starts
        if [[ -f code ]]; then exit "$(cat code)"; fi
        while true; do sleep 0.05; done
        """)
      try workspace.write(program: "bin/scontrol", "echo \"$@\" >>requeues")
    }

    private func job(_ arguments: [String] = []) throws -> RunningCommand {
      try job(all: ["tiny.yaml"] + arguments)
    }

    private func job(all arguments: [String]) throws -> RunningCommand {
      let settings = [
        "PATH=\(workspace.searchPath)", "SLURM_JOB_ID=42", "SLURM_SUBMIT_DIR=\(workspace.path)",
        "SLURM_CPUS_PER_TASK=3",
      ]
      // From elsewhere, as Slurm runs its copy.
      return try Command(
        executable: "/usr/bin/env", arguments: settings + [Program.root + "/launch/slurm.sbatch"] + arguments,
        directory: "/"
      ).start()
    }

    private func lines(_ name: String) -> [String] { workspace.lines(name) }

    @Test(arguments: [(SIGUSR1, ["requeue 42"]), (SIGTERM, [])])
    func `a signal becomes USR1 for the ranks, and the time limit's queues the job again`(
      signal: Int32, requeues: [String]
    ) throws {
      let job = try job(["--set", "train.steps=3"])
      try job.wait { !lines("starts").isEmpty }
      job.send(signal)
      try job.wait().succeeded()
      #expect(lines("signals") == ["USR1"])
      #expect(lines("requeues") == requeues)
      let start = try #require(lines("starts").first)
      #expect(start.hasPrefix("--mpi=pmix --cpus-per-task=3 "), "\(start)")
      #expect(start.hasSuffix(" train tiny.yaml --set parallel.threads=3 --set train.steps=3"), "\(start)")
    }

    @Test(arguments: [Int32(0), 2]) func `the end of a run and bad input end the job`(code: Int32) throws {
      try workspace.write("\(code)", "code")
      #expect(try job().wait().code == code)
      #expect(lines("requeues").isEmpty)
    }

    @Test func `a crash queues the job again as often as allowed`() throws {
      try workspace.write("3", "code")
      for count in 1...2 {
        try job(["--restarts", "2"]).wait().succeeded()
        #expect(lines("requeues").count == count)
      }
      #expect(try job(["--restarts", "2"]).wait().code == 3)
      #expect(lines("requeues").count == 2)
      #expect(lines("starts").count == 3)
    }

    @Test(arguments: [
      ["tiny.yaml", "--set", "train.steps=3", "--restarts", "0"],
      ["--restarts", "0", "tiny.yaml", "--set", "train.steps=3"],
    ])
    func `the number of restarts may stand anywhere`(arguments: [String]) throws {
      try workspace.write("3", "code")
      #expect(try job(all: arguments).wait().code == 3)
      #expect(lines("requeues").isEmpty)
      let start = try #require(lines("starts").first)
      #expect(start.hasSuffix(" train tiny.yaml --set parallel.threads=3 --set train.steps=3"), "\(start)")
    }

    @Test func `a missing srun is no crash`() throws {
      try FileManager.default.removeItem(atPath: workspace.file("bin/srun"))
      try #require(!Program.has("srun"), "this machine has a srun of its own")
      let outcome = try job().wait()
      #expect(outcome.code == 2)
      #expect(outcome.errorLines.count == 1 && outcome.errors.contains("srun is not on the PATH"), "\(outcome.errors)")
      #expect(lines("requeues").isEmpty)
    }

    @Test func `a save that meets the time limit is not asked to stop twice, and the job is queued again`() throws {
      try workspace.write(
        program: "bin/srun",
        """
        trap 'echo USR1 >>signals' USR1
        echo "$@" >>starts
        until [[ -f saved ]]; do sleep 0.05; done
        """)
      let job = try job()
      try job.wait { !lines("starts").isEmpty }
      job.send(SIGUSR1)
      try job.wait { !lines("signals").isEmpty }
      job.send(SIGTERM)
      // Time for a second signal to arrive, if there is one.
      Thread.sleep(forTimeInterval: 0.3)
      try workspace.write("", "saved")
      try job.wait().succeeded()
      #expect(lines("signals") == ["USR1"])
      #expect(lines("requeues") == ["requeue 42"])
    }

    @Test func `outside of Slurm it says how it is used`() throws {
      let script = Program.root + "/launch/slurm.sbatch"
      let arguments = ["-u", "SLURM_JOB_ID", script, "tiny.yaml"]
      let outcome = try Command(executable: "/usr/bin/env", arguments: arguments, directory: workspace.path).run()
      #expect(outcome.code == 2)
      #expect(outcome.errorLines.count == 1 && outcome.errors.contains("sbatch"), "\(outcome.errors)")
    }
  }
}
