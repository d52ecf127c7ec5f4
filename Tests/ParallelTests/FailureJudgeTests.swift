import Testing

@testable import Parallel

/// Three ranks on two machines, and a clock that stands where a test puts it.
private struct Bench {
  private let start = ContinuousClock.now
  private var now: ContinuousClock.Instant
  private var changes = [0, 0, 0]
  var judge: FailureJudge

  init() {
    now = start
    judge = FailureJudge(hosts: ["a", "b", "b"], limit: .seconds(10), now: start)
  }

  mutating func pass(_ seconds: Double) { now += .seconds(seconds) }

  /// A heartbeat; its rank goes on if `phase` or `call` is given.
  mutating func beat(_ rank: Int, phase: WorkPhase? = nil, call: String? = nil, number: Int = 3) {
    if phase != nil || call != nil { changes[rank] += 1 }
    var status = RankStatus(changeCount: changes[rank], step: 7, phase: phase ?? .gradients)
    status.call = call.map { RankStatus.Call(group: 0, number: number, name: $0) }
    judge.hear(status, from: rank, at: now)
  }

  /// Heartbeats from these ranks, one a second, and the first reason to end the job.
  mutating func wait(_ seconds: Int, hearing ranks: [Int] = [0, 1, 2]) -> String? {
    for _ in 0..<seconds {
      pass(1)
      for rank in ranks { beat(rank) }
      if let reason = judge.reason(at: now) { return reason }
    }
    return nil
  }
}

@Suite struct FailureJudgeTests {
  @Test func `a rank that is silent is named with its host and last place`() {
    var bench = Bench()
    bench.beat(0, call: "all-reduce of 5 Float")
    bench.beat(1, call: "all-reduce of 5 Float")
    bench.beat(2, phase: .gradients)
    #expect(bench.wait(7, hearing: [0, 1]) == nil)
    let expected =
      "rank 2 on b has been silent for 8.0 s (dead, stopped or cut off); step 7, all-reduce of 5 Float: arrived: ranks 0-1; "
      + "not arrived: rank 2 on b (last seen in step 7, forward and backward)"
    #expect(bench.wait(1, hearing: [0, 1]) == expected)
  }

  @Test func `a standstill names the call, who arrived in it and who did not`() {
    var bench = Bench()
    bench.beat(0, call: "all-reduce of 5 Float")
    bench.beat(1, phase: .gradients)
    bench.beat(2, call: "all-reduce of 5 Float")
    #expect(bench.wait(9) == nil)
    let expected =
      "no rank has gone on for 10.0 s; step 7, all-reduce of 5 Float: arrived: ranks 0, 2; "
      + "not arrived: rank 1 on b (in step 7, forward and backward)"
    #expect(bench.wait(1) == expected)
  }

  @Test func `a silent rank is told from one that waits in the same call`() {
    var bench = Bench()
    for rank in 0..<3 { bench.beat(rank, call: "barrier") }
    bench.beat(2, call: "all-reduce of 5 Float", number: 4)
    #expect(bench.wait(7, hearing: [0, 2]) == nil)
    let places = "not arrived: rank 0 on a (in step 7, barrier), rank 1 on b (last seen in step 7, barrier)"
    #expect(bench.wait(1, hearing: [0, 2])?.hasSuffix("all-reduce of 5 Float: arrived: rank 2; \(places)") == true)
  }

  @Test func `one rank that goes on excuses all who wait for it`() {
    var bench = Bench()
    bench.beat(0, call: "barrier")
    bench.beat(2, call: "barrier")
    for _ in 0..<5 {
      bench.beat(1, phase: .gradients)
      #expect(bench.wait(9) == nil)
    }
    #expect(bench.wait(1) != nil)
  }

  @Test(arguments: [WorkPhase.start, .validation, .checkpoint])
  func `a long part of a run has ten times as long`(_ phase: WorkPhase) {
    var bench = Bench()
    bench.beat(0, phase: phase)
    bench.beat(1, call: "all-gather")
    bench.beat(2, call: "all-gather")
    #expect(bench.wait(99) == nil)
    #expect(bench.wait(1)?.contains("rank 0 on a (in step 7, \(phase.rawValue))") == true)
  }

  @Test func `a call within a long part has no longer than others`() {
    var bench = Bench()
    for rank in 0..<3 { bench.beat(rank, phase: .validation, call: "all-reduce of 3 Double") }
    #expect(bench.wait(10)?.hasSuffix("arrived: ranks 0-2") == true)
  }

  @Test func `a rank that took leave is not missed`() {
    var bench = Bench()
    bench.judge.leave(2)
    bench.beat(0, phase: .checkpoint)
    #expect(bench.wait(30, hearing: [0, 1]) == nil)
  }

  @Test func `time in which this rank did not run is forgiven`() {
    var bench = Bench()
    #expect(bench.wait(5) == nil)
    bench.pass(100)
    bench.judge.forgive(.seconds(100))
    #expect(bench.wait(4) == nil)
  }

  @Test func `a heartbeat that was overtaken takes nothing back`() {
    var bench = Bench()
    for rank in 0..<3 { bench.beat(rank, phase: .optimizer) }
    bench.judge.hear(RankStatus(changeCount: 0, step: 3, phase: .start), from: 1, at: .now)
    #expect(bench.wait(10)?.contains("ranks 0-2 (in step 7, optimizer)") == true)
  }

  @Test(arguments: [([4], "4"), ([0, 1, 2], "0-2"), ([0, 2, 3, 9], "0, 2-3, 9"), ([], "")])
  func `ranks are listed in ranges`(numbers: [Int], text: String) {
    #expect(FailureJudge.ranges(numbers) == text)
  }
}
