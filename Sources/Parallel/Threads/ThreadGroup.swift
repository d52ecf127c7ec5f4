internal import Foundation

/// Ranks that are threads of one process: all that is parallel, without a launcher.
///
/// Sums are added in rank order, so they do not depend on which thread comes first.
package final class ThreadGroup: HostGroup {
  package let rank: Int
  package var size: Int { rendezvous.size }

  let rendezvous: Rendezvous

  private init(rank: Int, rendezvous: Rendezvous) {
    self.rank = rank
    self.rendezvous = rendezvous
  }

  /// Runs `body` once a rank, each on a thread of its own, and gives the results in rank order.
  ///
  /// - Throws: the first error of any rank; it ends the job for the others.
  package static func run<Result: Sendable>(
    size: Int, _ body: @escaping @Sendable (any HostGroup) throws -> Result
  ) throws -> [Result] {
    precondition(size > 0, "thread group: \(size) ranks")
    let job = ThreadJob()
    let rendezvous = Rendezvous(members: Array(0..<size), job: job)
    let outcome = Outcome<Result>(size: size)
    let running = DispatchGroup()
    for rank in 0..<size {
      running.enter()
      let thread = Thread {
        outcome.record(rank) {
          let group = ThreadGroup(rank: rank, rendezvous: rendezvous)
          return try body(group)
        } onError: {
          job.abort(rank, code: 1)
        }
        job.depart(rank)
        running.leave()
      }
      thread.stackSize = 16 << 20
      thread.start()
    }
    running.wait()
    return try outcome.get()
  }

  package func send(_ bytes: UnsafeRawBufferPointer, to rank: Int) throws(ParallelError) {
    try checkPeer(rank, "send")
    try unsafe rendezvous.send(bytes, Route(from: self.rank, to: rank))
  }

  package func receive(_ bytes: UnsafeMutableRawBufferPointer, from rank: Int) throws(ParallelError) {
    try checkPeer(rank, "receive")
    try unsafe rendezvous.receive(bytes, Route(from: rank, to: self.rank))
  }

  package func duplicate() throws(ParallelError) -> any HostGroup {
    // Every rank makes a rendezvous; all take that of the first.
    let own = Rendezvous(members: rendezvous.members, job: rendezvous.job)
    let offers = try unsafe rendezvous.enter(rank, Offer(call: "duplicate", rendezvous: own))
    defer { rendezvous.leave(rank) }
    return ThreadGroup(rank: rank, rendezvous: offers[0].rendezvous ?? own)
  }

  /// Ends the calls of all ranks with an error; the process goes on.
  package func abort(code: Int32) { rendezvous.job.abort(rendezvous.members[rank], code: code) }

  package func finish() {}
}

/// What the ranks of one run came to.
// `lock` guards all that can change. It is no `Mutex`, for ThreadSanitizer does not see that one's lock and would report
// every use of a thread group.
private final class Outcome<Result: Sendable>: @unchecked Sendable {
  private let lock = NSLock()
  private var results: [Result?]
  private var firstError: (any Error)?

  init(size: Int) {
    results = Array(repeating: nil, count: size)
  }

  /// Keeps the result of `body`, or its error if it is the first; then calls `onError`.
  func record(_ rank: Int, _ body: () throws -> Result, onError: () -> Void) {
    do {
      let result = try body()
      lock.withLock { results[rank] = result }
    } catch {
      lock.withLock { firstError = firstError ?? error }
      onError()
    }
  }

  /// The results in rank order, once all ranks are done.
  func get() throws -> [Result] {
    try lock.withLock {
      if let firstError { throw firstError }
      return results.compactMap { $0 }
    }
  }
}
