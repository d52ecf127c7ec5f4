internal import Foundation

/// Calls of one rank to the others, made one after the other on a thread of its own.
///
/// Open MPI moves data only while a call is being made, so a thread that waits in blocking calls is what drives them
/// on while the rank computes.
package final class CommunicationThread {
  package typealias Call = () throws(ParallelError) -> Void

  private let queue = Queue()

  package init() {
    let queue = queue
    let thread = Thread { queue.serve() }
    thread.name = "communication"
    thread.start()
  }

  deinit {
    queue.close()
  }

  /// Makes `call` after those before it. What it reads and writes must be left alone until ``wait()`` returns.
  package func enqueue(_ call: @escaping Call) {
    queue.append(call)
  }

  /// Waits until all calls are made.
  ///
  /// - Throws: the error of the first call that failed; calls after it were not made.
  package func wait() throws(ParallelError) {
    try queue.waitUntilEmpty()
  }
}

/// What the communication thread shares with the thread that steers its rank.
// All mutable state is read and written under `condition`. A call is used by one thread at a time: whoever appends it
// leaves what it touches alone until the queue is empty.
private final class Queue: @unchecked Sendable {
  private let condition = NSCondition()
  private var calls: [CommunicationThread.Call] = []
  private var isBusy = false
  private var isClosed = false
  private var failure: ParallelError?

  func append(_ call: @escaping CommunicationThread.Call) {
    condition.withLock {
      calls.append(call)
      condition.broadcast()
    }
  }

  func waitUntilEmpty() throws(ParallelError) {
    let found = condition.withLock {
      while isBusy || !calls.isEmpty { condition.wait() }
      return failure
    }
    if let found { throw found }
  }

  /// Ends the thread after the call that it is in, and returns when that is over.
  func close() {
    condition.withLock {
      isClosed = true
      calls.removeAll()
      condition.broadcast()
      while isBusy { condition.wait() }
    }
  }

  /// The thread's whole life.
  func serve() {
    while let call = next() {
      do throws(ParallelError) {
        try call()
        finish(nil)
      } catch {
        finish(error)
      }
    }
  }

  private func next() -> CommunicationThread.Call? {
    condition.withLock {
      while calls.isEmpty && !isClosed { condition.wait() }
      guard !isClosed else { return nil }
      isBusy = true
      return calls.removeFirst()
    }
  }

  private func finish(_ error: ParallelError?) {
    condition.withLock {
      isBusy = false
      if let error {
        failure = failure ?? error
        calls.removeAll()
      }
      condition.broadcast()
    }
  }
}
