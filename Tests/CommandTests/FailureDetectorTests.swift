import Foundation
import Testing

extension CommandTests {
  /// The failure detector with processes under a real launcher.
  @Suite struct FailureDetectorTests {
    @Test(arguments: [
      (1, "failure detector: rank 1 on HOST has been silent for", "rank 1 on HOST (last seen in "),
      (0, "failure detector: rank 0 on HOST has been silent for", " on HOST is in step "),
    ])
    func `a rank that is stopped ends the job and is named`(stopped: Int, start: String, end: String) throws {
      let workspace = try Workspace()
      let arguments = Workspace.training("run") + ["--set", "train.steps=1000000", "--set", "parallel.timeout=4"]
      let running = try Command.mpirun(ranks: 3, arguments, in: workspace.path).start()
      try running.wait { try workspace.records().count >= 5 }
      let ranks = running.ranks
      #expect(ranks.keys.sorted() == [0, 1, 2])
      kill(try #require(ranks[stopped]), SIGSTOP)
      let outcome = try running.wait()
      #expect(outcome.code == 3, "\(outcome.errors)")
      let host = ProcessInfo.processInfo.hostName
      let line = try #require(outcome.errorLines.first { $0.contains("failure detector: ") }, "\(outcome.errors)")
      #expect(line.contains(start.replacing("HOST", with: host)), "\(line)")
      #expect(line.contains(end.replacing("HOST", with: host)), "\(line)")
      for (rank, process) in ranks { #expect(isOver(process), "rank \(rank) is left running") }
    }

    /// Whether the process is gone, or is no more than an entry that nobody has collected yet; the launcher may be faster.
    private func isOver(_ process: Int32) -> Bool {
      (0..<30).contains { _ in
        let status = (try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)) ?? "State:\tZ"
        if status.contains("State:\tZ") { return true }
        Thread.sleep(forTimeInterval: 0.1)
        return false
      }
    }

    @Test func `a job without faults runs under a short limit`() throws {
      let workspace = try Workspace()
      let arguments = Workspace.training("run") + ["--set", "parallel.timeout=4", "--set", "train.steps=200"]
      let outcome = try Command.mpirun(ranks: 3, arguments, in: workspace.path).run().succeeded()
      #expect(!outcome.errors.contains("failure detector"), "\(outcome.errors)")
      #expect(try workspace.losses().count == 200)
    }
  }
}

extension RunningCommand {
  /// Processes of the ranks that this command, an mpirun, started; by rank.
  var ranks: [Int: Int32] {
    let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    var found: [Int: Int32] = [:]
    for process in processes.compactMap(Int32.init) {
      let status = (try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)) ?? ""
      guard status.contains("\nPPid:\t\(processIdentifier)\n"),
        let environment = try? Data(contentsOf: URL(filePath: "/proc/\(process)/environ"))
      else { continue }
      let variables = environment.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
      let name = "OMPI_COMM_WORLD_RANK="
      let rank = variables.first { $0.hasPrefix(name) }.flatMap { Int($0.dropFirst(name.count)) }
      if let rank { found[rank] = process }
    }
    return found
  }
}
