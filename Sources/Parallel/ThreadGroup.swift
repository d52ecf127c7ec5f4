internal import Foundation

/// Ranks that are threads of one process: all that is parallel, without a launcher.
///
/// Sums are added in rank order, so they do not depend on which thread comes first.
package final class ThreadGroup: ProcessGroup {
  package let rank: Int
  package var size: Int { meeting.size }

  private let meeting: Meeting

  private init(rank: Int, meeting: Meeting) {
    self.rank = rank
    self.meeting = meeting
  }

  /// Runs `body` once a rank, each on a thread of its own, and gives the results in rank order.
  ///
  /// - Throws: the first error of any rank; it ends the job for the others.
  package static func run<Result: Sendable>(
    size: Int, _ body: @escaping @Sendable (any ProcessGroup) throws -> Result
  ) throws -> [Result] {
    precondition(size > 0, "thread group: \(size) ranks")
    let meeting = Meeting(size: size)
    let outcome = Outcome<Result>(size: size)
    let running = DispatchGroup()
    for rank in 0..<size {
      running.enter()
      let thread = Thread {
        outcome.record(rank) {
          let group = ThreadGroup(rank: rank, meeting: meeting)
          return try body(group)
        } onError: {
          meeting.abort(rank, code: 1)
        }
        meeting.depart(rank)
        running.leave()
      }
      thread.stackSize = 16 << 20
      thread.start()
    }
    running.wait()
    return try outcome.get()
  }

  package func sum(_ values: UnsafeMutableBufferPointer<Float>) throws(ParallelError) {
    try sumInRankOrder(values)
  }

  package func sum(_ values: inout [Double]) throws(ParallelError) {
    try values.withUnsafeMutableBufferPointer { (buffer) throws(ParallelError) in try sumInRankOrder(buffer) }
  }

  package func sum(_ values: inout [Int]) throws(ParallelError) {
    try values.withUnsafeMutableBufferPointer { (buffer) throws(ParallelError) in try sumInRankOrder(buffer) }
  }

  package func largest(_ value: Double) throws(ParallelError) -> Double {
    var mine = [value]
    return try together("largest", &mine) { buffers in
      buffers.map { $0[0] }.reduce(-.infinity) { $0.isNaN || $1.isNaN ? .nan : max($0, $1) }
    }
  }

  package func broadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int) throws(ParallelError) {
    guard root >= 0 && root < size else { throw .noSuchRank(operation: "broadcast", rank: root, size: size) }
    let call = "broadcast of \(bytes.count) bytes from rank \(root)"
    let offers = try meeting.enter(rank, Offer(call: call, bytes: bytes))
    if rank != root { bytes.copyMemory(from: UnsafeRawBufferPointer(offers[root].bytes)) }
    meeting.leave(rank)
  }

  package func gather(_ text: String) throws(ParallelError) -> [String] {
    var mine = Array(text.utf8)
    return try together("gather", &mine) { buffers in buffers.map { String(decoding: $0, as: UTF8.self) } }
  }

  package func barrier() throws(ParallelError) {
    _ = try meeting.enter(rank, Offer(call: "barrier", bytes: UnsafeMutableRawBufferPointer(start: nil, count: 0)))
    meeting.leave(rank)
  }

  /// Ends the calls of all ranks with an error; the process goes on.
  package func abort(code: Int32) { meeting.abort(rank, code: code) }

  package func finish() {}

  /// Each rank adds one share of the elements for all ranks.
  private func sumInRankOrder<Element: AdditiveArithmetic>(
    _ values: UnsafeMutableBufferPointer<Element>
  ) throws(ParallelError) {
    let call = "sum of \(values.count) \(Element.self)"
    let offers = try meeting.enter(rank, Offer(call: call, bytes: UnsafeMutableRawBufferPointer(values)))
    let buffers = offers.map { $0.bytes.assumingMemoryBound(to: Element.self) }
    for i in values.count * rank / size..<values.count * (rank + 1) / size {
      let total = buffers.dropFirst().reduce(buffers[0][i]) { $0 + $1[i] }
      for buffer in buffers { buffer[i] = total }
    }
    meeting.leave(rank)
  }

  /// What `read` makes of every rank's values, in rank order, while none can change.
  private func together<Element, Result>(
    _ call: String, _ values: inout [Element], _ read: ([UnsafeMutableBufferPointer<Element>]) -> Result
  ) throws(ParallelError) -> Result {
    try values.withUnsafeMutableBufferPointer { (buffer) throws(ParallelError) in
      let offers = try meeting.enter(rank, Offer(call: call, bytes: UnsafeMutableRawBufferPointer(buffer)))
      defer { meeting.leave(rank) }
      return read(offers.map { $0.bytes.assumingMemoryBound(to: Element.self) })
    }
  }
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
