internal import Dispatch
internal import Foundation
internal import Synchronization

/// Works on items by several threads and gives the results back in the order of the items.
final class OrderedPipeline<Input: Sendable, Output: Sendable>: Sendable {
  typealias Outcome = Result<Output, any Error>

  private struct State {
    var waiting: [(number: Int, input: Input)] = []
    var done: [Int: Outcome] = [:]
    var isClosed = false
  }

  private let state = Mutex(State())
  /// Signalled once for each item, and once for each thread at the end.
  private let work = DispatchSemaphore(value: 0)
  /// Signalled once for each result.
  private let results = DispatchSemaphore(value: 0)

  /// - Parameter makeWorker: makes what works on items; each thread has one of its own.
  init(threadCount: Int, makeWorker: @escaping @Sendable () -> (Input) throws -> Output) {
    for _ in 0..<threadCount {
      let thread = Thread { self.serve(makeWorker()) }
      thread.name = "tokenizer"
      thread.stackSize = 4 << 20
      thread.start()
    }
  }

  func submit(_ number: Int, _ input: Input) {
    state.withLock { $0.waiting.append((number, input)) }
    work.signal()
  }

  /// Waits for the result of an item.
  func take(_ number: Int) throws -> Output {
    while true {
      if let outcome = state.withLock({ $0.done.removeValue(forKey: number) }) { return try outcome.get() }
      results.wait()
    }
  }

  /// Ends the threads when they are through with what they work on.
  func close(threadCount: Int) {
    state.withLock { $0.isClosed = true }
    for _ in 0..<threadCount { work.signal() }
  }

  private func serve(_ worker: (Input) throws -> Output) {
    while true {
      work.wait()
      let (item, isClosed) = state.withLock { state in
        (state.waiting.isEmpty ? nil : state.waiting.removeFirst(), state.isClosed)
      }
      if isClosed { return }
      guard let (number, input) = item else { continue }
      let outcome = Outcome { try worker(input) }
      state.withLock { $0.done[number] = outcome }
      results.signal()
    }
  }
}
