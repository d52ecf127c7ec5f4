import Foundation
import Testing

extension CommandTests {
  /// `launch/slurm.sbatch` with programs in the place of Slurm's.
  @Suite struct SlurmTests {
    private let workspace: Workspace

    init() throws {
      workspace = try Workspace()
      try FileManager.default.createDirectory(atPath: workspace.file("bin"), withIntermediateDirectories: true)
      // Ends with the code of the file `code`; without one, runs until USR1, then ends with 0.
      try write(
        program: "srun",
        """
        trap 'echo USR1 >>signals; exit 0' USR1
        echo "$@" >>starts
        if [[ -f code ]]; then exit "$(cat code)"; fi
        while true; do sleep 0.05; done
        """)
      try write(program: "scontrol", "echo \"$@\" >>requeues")
    }

    private func write(program name: String, _ body: String) throws {
      try workspace.write("#!/bin/bash\n" + body, "bin/" + name)
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: workspace.file("bin/" + name))
    }

    private func job(_ arguments: [String] = []) throws -> RunningCommand {
      let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
      let settings = [
        "PATH=\(workspace.file("bin")):\(path)", "SLURM_JOB_ID=42", "SLURM_SUBMIT_DIR=\(workspace.path)",
        "SLURM_CPUS_PER_TASK=3",
      ]
      // From elsewhere, as Slurm runs its copy.
      return try Command(
        executable: "/usr/bin/env",
        arguments: settings + [Program.root + "/launch/slurm.sbatch", "tiny.yaml"] + arguments, directory: "/"
      ).start()
    }

    private func lines(_ name: String) -> [String] {
      let text = try? String(contentsOfFile: workspace.file(name), encoding: .utf8)
      return (text ?? "").split(separator: "\n").map(String.init)
    }

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

    @Test func `outside of Slurm it says how it is used`() throws {
      let script = Program.root + "/launch/slurm.sbatch"
      let arguments = ["-u", "SLURM_JOB_ID", script, "tiny.yaml"]
      let outcome = try Command(executable: "/usr/bin/env", arguments: arguments, directory: workspace.path).run()
      #expect(outcome.code == 2)
      #expect(outcome.errorLines.count == 1 && outcome.errors.contains("sbatch"), "\(outcome.errors)")
    }
  }
}
