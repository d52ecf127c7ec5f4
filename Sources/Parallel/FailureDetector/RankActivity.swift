internal import Foundation

/// What this rank is doing, written by the threads that work and read by the one that sends heartbeats.
// `lock` guards all that can change. It is no `Mutex`, for ThreadSanitizer does not see that one's lock.
final class RankActivity: @unchecked Sendable {
  /// A call's name in two parts, so that beginning one makes no text.
  struct Name: Sendable {
    let operation: StaticString
    /// How many elements it moves, if any.
    var count: Int?
    var unit: StaticString = ""

    var text: String { count.map { "\(operation) of \($0) \(unit)" } ?? "\(operation)" }
  }

  private struct OpenCall {
    let token: Int
    let group: Int
    let number: Int
    let name: Name
  }

  private let lock = NSLock()
  private var changeCount = 0
  private var step = 0
  private var phase = WorkPhase.start
  /// Calls begun so far, by group.
  private var callCounts = [0]
  /// Oldest first: several threads may wait in groups of their own.
  private var openCalls: [OpenCall] = []

  var status: RankStatus {
    lock.withLock {
      let call = openCalls.first.map { RankStatus.Call(group: $0.group, number: $0.number, name: $0.name.text) }
      return RankStatus(changeCount: changeCount, step: step, phase: phase, call: call)
    }
  }

  func note(step: Int, phase: WorkPhase) {
    lock.withLock {
      self.step = step
      self.phase = phase
      changeCount += 1
    }
  }

  /// The number of a further group, equal on all ranks since all make their groups in the same order.
  func addGroup() -> Int {
    lock.withLock {
      callCounts.append(0)
      return callCounts.count - 1
    }
  }

  /// Shows a call for as long as `body` takes.
  func during<Result>(
    _ name: Name, group: Int, _ body: () throws(ParallelError) -> Result
  ) throws(ParallelError) -> Result {
    let token = enter(name, group: group)
    defer { leave(token) }
    return try body()
  }

  /// Begins a call; the result ends it.
  private func enter(_ name: Name, group: Int) -> Int {
    lock.withLock {
      changeCount += 1
      callCounts[group] += 1
      openCalls.append(OpenCall(token: changeCount, group: group, number: callCounts[group], name: name))
      return changeCount
    }
  }

  private func leave(_ token: Int) {
    lock.withLock {
      changeCount += 1
      openCalls.removeAll { $0.token == token }
    }
  }
}
