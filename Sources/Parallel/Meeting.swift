internal import Foundation

/// What a rank brings to a collective call.
struct Offer {
  /// The call and what must be equal on all ranks, such as `"sum of 3 Float"`.
  let call: String
  let bytes: UnsafeMutableRawBufferPointer
}

/// Where the threads of a ``ThreadGroup`` wait for each other.
// All mutable state is read and written under `condition`. The memory of offers is touched only between `enter` and
// `leave`, when no rank's thread can give it back.
final class Meeting: @unchecked Sendable {
  private enum End {
    case aborted(rank: Int, code: Int32)
    case departed(rank: Int)
  }

  let size: Int
  private let condition = NSCondition()
  private var arrived: [Offer?]
  private var arrivedCount = 0
  private var together: [Offer] = []
  private var round = 0
  private var end: End?

  init(size: Int) {
    self.size = size
    arrived = Array(repeating: nil, count: size)
  }

  /// Waits for all ranks and gives what they brought, in rank order. ``leave(_:)`` follows unless this throws.
  func enter(_ rank: Int, _ offer: Offer) throws(ParallelError) -> [Offer] {
    condition.lock()
    defer { condition.unlock() }
    if let end { throw error(for: end, during: offer.call) }
    let mine = round
    arrive(rank, offer)
    // A completed round counts even if somebody has ended the job since: its other ranks go on to `leave`.
    while round == mine {
      if let end { throw error(for: end, during: offer.call) }
      condition.wait()
    }
    guard together.allSatisfy({ $0.call == offer.call }) else { throw .mismatch(calls: together.map(\.call)) }
    return together
  }

  /// Waits until all ranks of a completed ``enter(_:_:)`` are here. Cannot fail, since none of them can go elsewhere.
  func leave(_ rank: Int) {
    condition.lock()
    defer { condition.unlock() }
    let mine = round
    arrive(rank, Offer(call: "", bytes: UnsafeMutableRawBufferPointer(start: nil, count: 0)))
    while round == mine { condition.wait() }
  }

  func abort(_ rank: Int, code: Int32) { endWith(.aborted(rank: rank, code: code)) }

  /// Says that the rank makes no further call; who waits for it gets an error.
  func depart(_ rank: Int) { endWith(.departed(rank: rank)) }

  private func arrive(_ rank: Int, _ offer: Offer) {
    arrived[rank] = offer
    arrivedCount += 1
    guard arrivedCount == size else { return }
    together = arrived.compactMap { $0 }
    arrivedCount = 0
    round += 1
    condition.broadcast()
  }

  private func endWith(_ newEnd: End) {
    condition.lock()
    defer { condition.unlock() }
    end = end ?? newEnd
    condition.broadcast()
  }

  private func error(for end: End, during call: String) -> ParallelError {
    switch end {
    case .aborted(let rank, let code): .aborted(rank: rank, code: code)
    case .departed(let rank): .absent(rank: rank, operation: call)
    }
  }
}
