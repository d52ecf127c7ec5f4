import Foundation
import Testing

extension CommandTests {
  /// How ranks begin together, or do not, under a real launcher.
  @Suite struct RankStartTests {
    @Test(arguments: [
      ("parallel.timeout=0", "parallel.timeout is 0 on rank 1 on ", ", 600 on rank 0 on "),
      ("parallel.overlap=on", "parallel.overlap is \"on\" on rank 1 on ", ", \"auto\" on rank 0 on "),
      ("data.context=16", "data.context is 16 on rank 1 on ", ", 32 on rank 0 on "),
    ])
    func `ranks whose run files differ end with the key and both values`(
      override: String, start: String, end: String
    ) throws {
      let workspace = try Workspace()
      let training = Workspace.training("run")
      let outcome = try Command.mpirun(each: [training, training + ["--set", override]], in: workspace.path).run()
      #expect(outcome.code == 2, "\(outcome.errors)")
      let lines = outcome.errorLines.filter { $0.hasPrefix("catlm: ") }
      #expect(lines.count == 1, "\(outcome.errors)")
      let line = try #require(lines.first)
      #expect(line.hasPrefix("catlm: " + start) && line.contains(end), "\(line)")
      #expect(!FileManager.default.fileExists(atPath: workspace.file("run")))
    }

    @Test(arguments: [0, 1]) func `a rank that cannot read its run file says so`(missing: Int) throws {
      let workspace = try Workspace()
      var arguments = Array(repeating: Workspace.training("run"), count: 2)
      arguments[missing][1] = "absent.yaml"
      let outcome = try Command.mpirun(each: arguments, in: workspace.path).run()
      #expect(outcome.code == 2, "\(outcome.errors)")
      let lines = outcome.errorLines.filter { $0.hasPrefix("catlm: ") }
      #expect(lines.count == 1, "\(outcome.errors)")
      let line = try #require(lines.first)
      #expect(line.hasPrefix("catlm: rank \(missing) on ") && line.contains("absent.yaml"), "\(line)")
    }

    @Test func `a run goes on with other sums and says that they are others`() throws {
      let workspace = try Workspace()
      let train = { (settings: [String]) in
        let sets = (["schedule.kind=constant"] + settings).flatMap { ["--set", $0] }
        return try Command.mpirun(ranks: 2, Workspace.training("run") + sets, in: workspace.path).run().succeeded()
      }
      _ = try train(["train.steps=4"])
      let words = "the order of sums over ranks changed"
      let same = try train(["train.steps=8"])
      #expect(!same.errors.contains(words), "\(same.errors)")
      let other = try train(["train.steps=12", "parallel.shared_memory=false"])
      #expect(other.errors.contains(words) && other.errors.contains("in shared memory"), "\(other.errors)")
    }

    /// `mpirun` with a file system of so many bytes where ranks share memory.
    private func training(sharedBytes: Int, ranks: Int, _ workspace: Workspace) throws -> Outcome {
      let body = "mount -t tmpfs -o size=\(sharedBytes) tmpfs /dev/shm && exec \"$@\""
      return try Command.mpirun(ranks: ranks, Workspace.training("run"), in: workspace.path)
        .under("unshare", ["--mount", "sh", "-c", body, "sh"]).run()
    }

    private static let mayMount: Bool = {
      let command = Command(
        executable: "/usr/bin/env",
        arguments: ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/dev/shm"], directory: "/")
      return (try? command.run().code) == 0
    }()

    @Test(
      .enabled(if: mayMount, "may not mount"),
      arguments: [(65_536, 2, true), (524_288, 2, true), (64_000_000, 3, false)])
    func `without room for shared memory sums are left to MPI, with one line`(
      bytes: Int, ranks: Int, isSmall: Bool
    ) throws {
      let workspace = try Workspace(isTrained: true)
      let alone = try workspace.losses()
      try FileManager.default.removeItem(atPath: workspace.file("run"))
      let outcome = try training(sharedBytes: bytes, ranks: ranks, workspace).succeeded()
      let lines = outcome.errorLines.filter { $0.contains("ranks share no memory of the machine") }
      #expect(lines.count == (isSmall ? 1 : 0), "\(outcome.errors)")
      if isSmall { #expect(lines.first?.contains("/dev/shm: No space left on device; 2 ranks need 1") == true) }
      let together = try workspace.losses()
      #expect(together.count == alone.count)
      for (left, right) in zip(alone, together) { #expect(abs(left - right) <= 1e-6 * left) }
    }

    /// A group of the first version with a quota of one core, gone after the test; nil where there can be none.
    private static let quotaGroup: String? = {
      let folder = "/sys/fs/cgroup/cpu/catlm-test-\(ProcessInfo.processInfo.processIdentifier)"
      return access("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", W_OK) == 0 ? folder : nil
    }()

    @Test(.enabled(if: quotaGroup != nil, "no control group to make a quota in"))
    func `a CPU quota of one core gives one thread`() throws {
      let folder = try #require(Self.quotaGroup)
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
      defer { rmdir(folder) }
      try Data("100000".utf8).write(to: URL(filePath: folder + "/cpu.cfs_quota_us"))
      let workspace = try Workspace()
      let file = try String(contentsOfFile: workspace.file("tiny.yaml"), encoding: .utf8)
      try workspace.write(file.replacing("parallel:\n  threads: 1\n", with: ""), "tiny.yaml")
      let body = "echo $$ >\(folder)/cgroup.procs && exec \"$@\""
      let outcome = try Command.catlm(Workspace.training("run"), in: workspace.path)
        .under("sh", ["-c", body, "sh"]).run().succeeded()
      #expect(outcome.errors.contains("1 thread a rank, 1 core"), "\(outcome.errors)")
    }
  }
}
