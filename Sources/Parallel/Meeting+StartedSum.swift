/// A sum that some ranks have started.
struct StartedSum {
  struct Part {
    let call: String
    let values: UnsafeMutableBufferPointer<Float>
    /// Kept until all ranks have given their part, even if this one gives up.
    let owner: AnyObject
  }

  var parts: [Int: Part] = [:]
  /// Set when all ranks have given their part.
  var outcome: Result<Void, ParallelError>?
  /// Ranks that have seen the outcome.
  var seenCount = 0
}

extension Meeting {
  /// Gives one rank's part of the sum `number`. The last one adds for all.
  func start(_ rank: Int, _ number: Int, _ part: StartedSum.Part) throws(ParallelError) {
    job.condition.lock()
    defer { job.condition.unlock() }
    try job.check(members, during: part.call)
    var sum = sums[number] ?? StartedSum()
    sum.parts[rank] = part
    if sum.parts.count == size {
      sum.outcome = add((0..<size).compactMap { sum.parts[$0] })
      sum.parts = [:]
      job.condition.broadcast()
    }
    sums[number] = sum
  }

  func isDone(_ number: Int) -> Bool {
    job.condition.lock()
    defer { job.condition.unlock() }
    return sums[number]?.outcome != nil
  }

  func finish(_ number: Int, _ call: String) throws(ParallelError) {
    job.condition.lock()
    defer { job.condition.unlock() }
    try job.wait(for: members, during: call) { sums[number]?.outcome != nil }
    sums[number]?.seenCount += 1
    let sum = sums[number]
    if sum?.seenCount == size { sums[number] = nil }
    try sum?.outcome?.get()
  }

  private func add(_ parts: [StartedSum.Part]) -> Result<Void, ParallelError> {
    guard Set(parts.map(\.call)).count == 1 else { return .failure(.mismatch(calls: parts.map(\.call))) }
    for i in parts[0].values.indices {
      let total = parts.dropFirst().reduce(parts[0].values[i]) { $0 + $1.values[i] }
      for part in parts { part.values[i] = total }
    }
    return .success(())
  }
}

/// One rank's side of a ``StartedSum``.
final class ThreadTransfer: Transfer {
  private let meeting: Meeting
  private let number: Int
  private let call: String
  private let owner: AnyObject

  init(_ meeting: Meeting, number: Int, _ part: StartedSum.Part) {
    self.meeting = meeting
    self.number = number
    call = part.call
    owner = part.owner
  }

  func test() -> Bool { meeting.isDone(number) }
  func wait() throws(ParallelError) { try meeting.finish(number, call) }
}
