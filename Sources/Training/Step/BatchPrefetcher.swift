internal import Foundation
package import TokenData

/// A rank's batches of one step after the other: those of the next step are made on a thread of its own while this one is
/// computed.
///
/// What it gives follows from the step alone, whether it was made in advance or not. The thread begins with the first
/// step that is asked for and ends with this object; a piece of work that it is in is finished first.
package final class BatchPrefetcher {
  package typealias Source = @Sendable (_ step: Int) throws(TokenError) -> [TokenBatch]

  private let source: Source
  private let end: Int
  private let desk = Desk()
  private var thread: Thread?

  /// - Parameters:
  ///   - end: the first step that nobody will ask for after the one before it.
  ///   - source: makes a step's batches, on the thread.
  package init(end: Int, source: @escaping Source) {
    self.source = source
    self.end = end
  }

  deinit {
    desk.close()
  }

  /// The batches of a step; waits for them.
  ///
  /// - Throws: what making them threw, at the step that they are for.
  package func batches(step: Int) throws(TokenError) -> [TokenBatch] {
    startThread()
    return try desk.take(step, next: step + 1 < end ? step + 1 : nil).get()
  }

  private func startThread() {
    guard thread == nil else { return }
    let (desk, source) = (desk, source)
    let thread = Thread { desk.serve(source) }
    thread.name = "data"
    thread.start()
    self.thread = thread
  }
}

/// What the data thread shares with the thread that steers its rank.
// All state is read and written under `condition`; what is in it are values.
private final class Desk: @unchecked Sendable {
  typealias Outcome = Result<[TokenBatch], TokenError>

  private enum State {
    case idle
    case wanted(step: Int)
    case busy(step: Int)
    case made(step: Int, Outcome)
  }

  private let condition = NSCondition()
  private var state = State.idle
  private var isClosed = false

  /// Waits for a step's batches, and asks for those of the next before it gives them.
  func take(_ step: Int, next: Int?) -> Outcome {
    condition.withLock {
      while true {
        switch state {
        case .made(step, let outcome):
          state = next.map { .wanted(step: $0) } ?? .idle
          condition.broadcast()
          return outcome
        case .idle, .made:
          state = .wanted(step: step)
          condition.broadcast()
        case .wanted(let other) where other != step:
          state = .wanted(step: step)
        case .wanted, .busy:
          condition.wait()
        }
      }
    }
  }

  /// The thread's whole life.
  func serve(_ source: BatchPrefetcher.Source) {
    while let step = nextStep() {
      let outcome: Outcome
      do throws(TokenError) {
        outcome = .success(try source(step))
      } catch {
        outcome = .failure(error)
      }
      condition.withLock {
        state = .made(step: step, outcome)
        condition.broadcast()
      }
    }
  }

  /// Waits for a step to be wanted; nil at the end.
  private func nextStep() -> Int? {
    condition.withLock {
      while true {
        if isClosed { return nil }
        if case .wanted(let step) = state {
          state = .busy(step: step)
          return step
        }
        condition.wait()
      }
    }
  }

  /// Ends the thread, after what it is making.
  func close() {
    condition.withLock {
      isClosed = true
      condition.broadcast()
      while case .busy = state { condition.wait() }
    }
  }
}

/// How the samples of a step are dealt out: micro-batches are fixed slices, and ranks split each of them.
package struct BatchShare: Hashable, Sendable {
  package let batchSize: Int
  package let accumulation: Int
  package let rank: Int
  package let rankCount: Int

  package init(batchSize: Int, accumulation: Int, rank: Int, rankCount: Int) {
    self.batchSize = batchSize
    self.accumulation = accumulation
    self.rank = rank
    self.rankCount = rankCount
  }

  /// This rank's samples of micro-batch `index`: contiguous, shares differ by one sample at most.
  package func samples(microBatch index: Int) -> Range<Int> {
    let slice = Self.part(index, of: accumulation, over: 0..<batchSize)
    return Self.part(rank, of: rankCount, over: slice)
  }

  private static func part(_ index: Int, of count: Int, over range: Range<Int>) -> Range<Int> {
    let start = range.lowerBound + range.count * index / count
    let end = range.lowerBound + range.count * (index + 1) / count
    return start..<end
  }
}
