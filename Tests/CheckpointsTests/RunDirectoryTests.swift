import FaultSupport
import Foundation
import Synchronization
import Testing

@testable import Checkpoints

struct RunDirectoryTests {
  @Test func `a run directory is made with those above it, and made again without harm`() throws {
    let scratch = try Scratch()
    let run = try RunDirectory(path: scratch.path + "/runs/a/b")
    try run.writeConfiguration("model:\n  hidden_size: 4\n")
    try run.writeConfiguration("model:\n  hidden_size: 8\n")
    let again = try RunDirectory(path: scratch.path + "/runs/a/b/")
    #expect(try bytes(of: again.configurationPath) == Array("model:\n  hidden_size: 8\n".utf8))
    #expect(try names(in: run.path) == ["config.yaml"])
    try scratch.file("file", [])
    #expect(try message { _ = try RunDirectory(path: scratch.path + "/file/run") }.contains("mkdir failed"))
  }

  @Test func `a second lock is refused, naming process and host, until the first is released`() throws {
    let scratch = try Scratch()
    let run = try RunDirectory(path: scratch.path)
    let first = try run.lock()
    let text = try message { _ = try run.lock() }
    let pid = ProcessInfo.processInfo.processIdentifier
    let host = try output(of: "/usr/bin/env", ["uname", "-n"]).dropLast()
    #expect(
      text
        == "\(scratch.path)/lock: the run directory is in use by process \(pid) on host \(host); one process at a time is allowed"
    )
    first.release()
    let second = try run.lock()
    second.release()
  }

  @Test func `a lock whose holder died is taken over and names it; one that was released leaves nothing`() throws {
    let scratch = try Scratch()
    let run = try RunDirectory(path: scratch.path)
    let dead = LockHolder(process: 2_147_483_647, host: LockSurroundings.real.host).text
    try scratch.file("lock", Array((dead + "\n").utf8))
    let lock = try run.lock()
    #expect(lock.deadHolder == dead)
    lock.release()
    let next = try run.lock()
    #expect(next.deadHolder == nil)
    next.release()
    #expect(try bytes(of: scratch.path + "/lock") == [])
  }

  @Test(arguments: [true, false])
  func `a holder on another host keeps the lock while it gives signs of life`(isAlive: Bool) throws {
    let scratch = try Scratch()
    let path = try scratch.file("lock", Array("process 7 on host elsewhere\n".utf8))
    let pauses = Pauses()
    let surroundings = LockSurroundings(host: "here", heartbeatInterval: .seconds(4)) { _ in
      // The sixth quarter of an interval is well within the two and a half that are waited.
      if pauses.next() == 6 && isAlive {
        try? FileManager.default.setAttributes([.modificationDate: Date(timeIntervalSince1970: 1)], ofItemAtPath: path)
      }
    }
    guard isAlive else {
      let lock = try RunLock(path: path, surroundings: surroundings)
      #expect(lock.deadHolder == "process 7 on host elsewhere" && pauses.count == 10)
      lock.release()
      return
    }
    let text = try message { _ = try RunLock(path: path, surroundings: surroundings) }
    #expect(text.contains("in use by process 7 on host elsewhere") && pauses.count == 6)
    #expect(try bytes(of: path) == Array("process 7 on host elsewhere\n".utf8))
  }

  @Test func `where the kernel has no locks, a process of this host is looked for`() throws {
    let scratch = try Scratch()
    let path = try scratch.file("lock", [])
    let here = LockSurroundings.real
    #expect(here.isAlive(LockHolder(process: 1, host: here.host), path: path, false))
    #expect(!here.isAlive(LockHolder(process: 2_147_483_647, host: here.host), path: path, false))
    #expect(!here.isAlive(LockHolder(process: 1, host: here.host), path: path, true))
  }

  @Test(arguments: ["", "process", "process x on host a", "process 0 on host a", "process 7 at host a"])
  func `a note of another form names no holder`(note: String) {
    #expect(LockHolder(reading: note) == nil)
  }

  @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/flock"), "there is no flock program"))
  func `the kernel drops the lock of a process that is killed`() throws {
    let scratch = try Scratch()
    let run = try RunDirectory(path: scratch.path)
    let holder = Process()
    holder.executableURL = URL(fileURLWithPath: "/usr/bin/flock")
    holder.arguments = ["--no-fork", scratch.path + "/lock", "sh", "-c", "echo ready; exec sleep 60"]
    let pipe = Pipe()
    holder.standardOutput = pipe
    try holder.run()
    #expect(pipe.fileHandleForReading.availableData == Data("ready\n".utf8))
    #expect(try message { _ = try run.lock() }.contains("in use by another process"))
    kill(holder.processIdentifier, SIGKILL)
    holder.waitUntilExit()
    let lock = try run.lock()
    lock.release()
  }

  @Test func `metrics lose later records and torn lines`() throws {
    let scratch = try Scratch()
    let run = try RunDirectory(path: scratch.path)
    let nothing = try run.cutMetrics(toStep: 5)
    #expect(nothing.keptCount == 0 && nothing.laterCount == 0 && nothing.tornLines.isEmpty)
    let lines = [
      #"{"event": "start"}"#, #"{"step": 4, "loss": 1.25}"#, #"{"loss": 1, "step": 5}"#, #"{"step": 6}"#, "", "7",
      #"{"step": 5, "chunk_size": 4}"#,
    ]
    let path = try scratch.file(
      "metrics.jsonl", Array((lines.joined(separator: "\n") + "\n" + #"{"step": 5, "lo"#).utf8))
    let cut = try run.cutMetrics(toStep: 5)
    #expect(cut.keptCount == 4 && cut.laterCount == 1 && cut.tornLines == [5, 6, 8])
    let kept = [lines[0], lines[1], lines[2], lines[6], ""].joined(separator: "\n")
    #expect(try bytes(of: path) == Array(kept.utf8))
    #expect(try run.cutMetrics(toStep: 5).laterCount == 0)
    #expect(try names(in: scratch.path) == ["metrics.jsonl"])
  }

  @Test func `a whole record without a newline at its end is torn, for its last digits may be missing`() throws {
    let scratch = try Scratch()
    let run = try RunDirectory(path: scratch.path)
    let path = try scratch.file("metrics.jsonl", Array("{\"step\": 1}\n{\"step\": 2}".utf8))
    #expect(try run.cutMetrics(toStep: 9).tornLines == [2])
    #expect(try bytes(of: path) == Array("{\"step\": 1}\n".utf8))
  }
}

/// Counts how often a lock let time pass.
private final class Pauses: Sendable {
  private let state = Mutex(0)

  var count: Int { state.withLock { $0 } }

  func next() -> Int {
    state.withLock {
      $0 += 1
      return $0
    }
  }
}
