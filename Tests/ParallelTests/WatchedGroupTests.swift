import Foundation
import Testing

@testable import Parallel

/// What failure detectors said, from any thread.
// `lock` guards all that can change. It is no `Mutex`, for ThreadSanitizer does not see that one's lock.
private final class Reports: @unchecked Sendable {
  private let lock = NSLock()
  private var lines: [String] = []
  private var isOver = false

  var all: [String] { lock.withLock { lines } }
  /// Whether a failure detector has ended the calls of all ranks.
  var hasEnded: Bool { lock.withLock { isOver } }

  func add(_ line: String) { lock.withLock { lines.append(line) } }
  func end() { lock.withLock { isOver = true } }
}

/// A group that other threads may abort.
// Only `abort(code:)` is called from another thread, and a thread group's is guarded by its rendezvous's lock.
private struct Abortable: @unchecked Sendable {
  let group: any HostGroup
}

@Suite struct WatchedGroupTests {
  /// A watched group whose end goes to `reports` and to the calls of all ranks.
  private static func watched(
    _ group: any HostGroup, _ reports: Reports, limit: Duration
  ) throws -> any HostGroup {
    let abortable = Abortable(group: group)
    let ending = JobEnding(
      report: { reports.add("rank \(abortable.group.rank): \($0)") },
      end: {
        abortable.group.abort(code: JobEnding.exitCode)
        reports.end()
      })
    return try WatchedGroup.watch(group, limit: limit, ending: ending) { reports.add($0) }
  }

  @Test(arguments: [2, 3, 4]) func `a rank that never arrives ends the call of all and is named`(size: Int) throws {
    let reports = Reports()
    let errors = try ThreadGroup.run(size: size) { group in
      let watched = try Self.watched(group, reports, limit: .seconds(2))
      watched.note(step: 4, phase: .gradients)
      try watched.barrier()
      // The last rank waits for something else until the job's end.
      if group.rank == size - 1 {
        for _ in 0..<600 where !reports.hasEnded { Thread.sleep(forTimeInterval: 0.1) }
      }
      do throws(ParallelError) {
        var values = [1.0]
        try watched.allReduce(.sum, &values)
        return ParallelError?.none
      } catch { return error }
    }
    #expect(errors == Array(repeating: .aborted(rank: 0, code: 3), count: size))
    let arrived = size == 2 ? "rank 0" : "ranks 0-\(size - 2)"
    let end =
      "step 4, all-reduce of 1 Double: arrived: \(arrived); not arrived: rank \(size - 1) on \(systemHostName()) "
      + "(in step 4, forward and backward); ending the job on all ranks"
    let first = try #require(reports.all.first)
    #expect(first.hasPrefix("rank 0: failure detector: no rank has gone on for 2."), "\(first)")
    #expect(first.hasSuffix(end), "\(first)")
  }

  @Test func `a job that goes on is left alone and ends in good order`() throws {
    let reports = Reports()
    let sums = try ThreadGroup.run(size: 3) { group in
      let watched = try Self.watched(group, reports, limit: .seconds(3))
      var total = [0]
      for step in 1...35 {
        watched.note(step: step, phase: .gradients)
        // Together longer than the limit.
        Thread.sleep(forTimeInterval: 0.1)
        total[0] += 1
        try watched.allReduce(.sum, &total)
      }
      // They leave one after the other.
      Thread.sleep(forTimeInterval: 0.3 * Double(group.rank))
      try watched.finish()
      return total[0]
    }
    #expect(Set(sums).count == 1)
    #expect(reports.all.isEmpty, "\(reports.all)")
  }

  @Test(arguments: [nil, Duration.seconds(5)]) func `who has nobody to watch is not watched`(limit: Duration?) throws {
    let solo = SoloGroup()
    #expect(try WatchedGroup.watch(solo, limit: limit) { _ in } === solo)
    let isBare = try ThreadGroup.run(size: 2) { group in try WatchedGroup.watch(group, limit: nil) { _ in } === group }
    #expect(isBare == [true, true])
  }

  @Test func `a member that hears rank 0 no more ends the job by itself`() throws {
    let loopback = try #require(NetworkInterfaces.loopback)
    let here = try #require(HeartbeatSocket(boundTo: loopback))
    let way = try #require(HeartbeatSocket(connectedTo: here.address))
    var coordinator = HeartbeatCoordinator(key: "k", hosts: ["a", "b"], limit: .seconds(8), sockets: [here])
    var member = HeartbeatMember(key: "k", rank: 1, hosts: ["a", "b"], limit: .seconds(8), sockets: [way])
    let start = ContinuousClock.now
    let status = RankStatus(changeCount: 1, step: 2, phase: .optimizer)
    #expect(member.tick(status, at: start) == nil)
    #expect(coordinator.tick(status, at: start) == nil)
    #expect(member.tick(status, at: start) == nil)
    #expect(coordinator.isConnected && member.isConnected)
    #expect(member.tick(status, at: start + .seconds(6.9)) == nil)
    let expected =
      "rank 0 on a has been silent for 7.0 s (dead, stopped or cut off); rank 1 on b is in step 2, optimizer"
    #expect(member.tick(status, at: start + .seconds(7)) == FailureVerdict(reason: expected))
  }

  @Test func `ranks hear from rank 0 why the job ends, and are quiet after its farewell`() throws {
    let loopback = try #require(NetworkInterfaces.loopback)
    let here = try #require(HeartbeatSocket(boundTo: loopback))
    let hosts = ["a", "b", "b"]
    var coordinator = HeartbeatCoordinator(key: "k", hosts: hosts, limit: .seconds(8), sockets: [here])
    let sockets = try (1...2).map { _ in try #require(HeartbeatSocket(connectedTo: here.address)) }
    var members = (1...2).map {
      HeartbeatMember(key: "k", rank: $0, hosts: hosts, limit: .seconds(8), sockets: [sockets[$0 - 1]])
    }
    let now = ContinuousClock.now
    for index in members.indices { #expect(members[index].tick(RankStatus(), at: now) == nil) }
    #expect(coordinator.tick(RankStatus(), at: now) == nil)
    coordinator.announce("rank 2 is gone")
    #expect(members[0].tick(RankStatus(), at: now) == FailureVerdict(reason: "rank 2 is gone", isTold: true))
    coordinator.leave()
    _ = members[1].tick(RankStatus(), at: now)
    #expect(members[1].tick(RankStatus(), at: now + .seconds(100)) == nil)
  }
}
