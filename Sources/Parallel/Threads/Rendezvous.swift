internal import Foundation

/// What a rank brings to a collective call.
@safe struct Offer {
  /// The call and what must be equal on all ranks, such as `"all-reduce of 3 Float"`.
  let call: String
  var bytes = unsafe UnsafeMutableRawBufferPointer(start: nil, count: 0)
  /// What a rank makes for all.
  var rendezvous: Rendezvous?
}

/// The lock of a job whose ranks are threads, and how it ended.
// Everything that can change is read and written under `condition`, also what belongs to the job's rendezvous.
final class ThreadJob: @unchecked Sendable {
  let condition = NSCondition()
  private var abort: (rank: Int, code: Int32)?
  private var departed: Set<Int> = []

  func abort(_ rank: Int, code: Int32) {
    locked { abort = abort ?? (rank, code) }
  }

  /// Says that the rank makes no further call; who waits for it gets an error.
  func depart(_ rank: Int) {
    locked { departed.insert(rank) }
  }

  private func locked(_ change: () -> Void) {
    condition.lock()
    defer { condition.unlock() }
    change()
    condition.broadcast()
  }

  /// Waits under the lock, which the caller holds, until `isReady`.
  ///
  /// - Throws: as ``check(_:during:)``; but what is ready counts, whatever happened since.
  func wait(for members: [Int], during call: String, until isReady: () -> Bool) throws(ParallelError) {
    while !isReady() {
      try check(members, during: call)
      condition.wait()
    }
  }

  /// - Parameter members: the ranks, by their number in the job, that must still be there.
  /// - Throws: ``ParallelError`` if the job has ended or a member has left.
  func check(_ members: [Int], during call: String) throws(ParallelError) {
    if let abort { throw .aborted(rank: abort.rank, code: abort.code) }
    if let rank = members.firstIndex(where: departed.contains) { throw .absent(rank: rank, operation: call) }
  }
}

/// Where the threads of a ``ThreadGroup`` wait for each other.
// All mutable state is read and written under the job's `condition`. The memory of offers is touched only between `enter`
// and `leave`, when no rank's thread can give it back.
@safe final class Rendezvous: @unchecked Sendable {
  /// The ranks' numbers in the job, by their number here.
  let members: [Int]
  let job: ThreadJob
  var size: Int { members.count }
  private var arrived: [Offer?]
  private var arrivedCount = 0
  private var together: [Offer] = []
  private var round = 0
  /// Messages that wait for their receiver.
  var messages: [Route: UnsafeRawBufferPointer] = unsafe [:]

  init(members: [Int], job: ThreadJob) {
    self.members = members
    self.job = job
    arrived = Array(repeating: nil, count: members.count)
  }

  /// Waits for all ranks and gives what they brought, in rank order. ``leave(_:)`` follows unless this throws.
  func enter(_ rank: Int, _ offer: Offer) throws(ParallelError) -> [Offer] {
    job.condition.lock()
    defer { job.condition.unlock() }
    // Others may have given up their round since: it must not be completed with what they brought.
    try job.check(members, during: offer.call)
    let mine = round
    arrive(rank, offer)
    try job.wait(for: members, during: offer.call) { round != mine }
    guard together.allSatisfy({ $0.call == offer.call }) else { throw .mismatch(calls: together.map(\.call)) }
    return together
  }

  /// Waits until all ranks of a completed ``enter(_:_:)`` are here. Cannot fail, since none of them can go elsewhere.
  func leave(_ rank: Int) {
    job.condition.lock()
    defer { job.condition.unlock() }
    let mine = round
    unsafe arrive(rank, Offer(call: ""))
    while round == mine { job.condition.wait() }
  }

  private func arrive(_ rank: Int, _ offer: Offer) {
    arrived[rank] = offer
    arrivedCount += 1
    guard arrivedCount == size else { return }
    together = arrived.compactMap { $0 }
    arrivedCount = 0
    round += 1
    job.condition.broadcast()
  }
}

/// Who sends to whom.
struct Route: Hashable {
  let from: Int
  let to: Int
}

extension Rendezvous {
  /// Gives the bytes to the receiver and returns when it has them.
  func send(_ bytes: UnsafeRawBufferPointer, _ route: Route) throws(ParallelError) {
    job.condition.lock()
    defer { job.condition.unlock() }
    let call = "send to rank \(route.to)"
    try job.check(ranks(of: route), during: call)
    unsafe messages[route] = unsafe bytes
    // The memory is the sender's again when this returns, even without a receiver.
    defer { unsafe messages[route] = nil }
    job.condition.broadcast()
    try job.wait(for: ranks(of: route), during: call) { unsafe messages[route] == nil }
  }

  func receive(_ bytes: UnsafeMutableRawBufferPointer, _ route: Route) throws(ParallelError) {
    job.condition.lock()
    defer { job.condition.unlock() }
    let call = "receive from rank \(route.from)"
    try job.check(ranks(of: route), during: call)
    try job.wait(for: ranks(of: route), during: call) { unsafe messages[route] != nil }
    guard let message = unsafe messages.removeValue(forKey: route) else { preconditionFailure("\(call): no message") }
    job.condition.broadcast()
    guard message.count == bytes.count else {
      throw .message(from: route.from, found: message.count, expected: bytes.count)
    }
    unsafe bytes.copyMemory(from: message)
  }

  private func ranks(of route: Route) -> [Int] { [members[route.from], members[route.to]] }
}
