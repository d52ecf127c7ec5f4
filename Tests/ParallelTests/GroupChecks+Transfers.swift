import Foundation
import Parallel
import Testing

/// Values that a transfer may own.
final class OwnedValues {
  let buffer: UnsafeMutableBufferPointer<Float>

  init(count: Int, _ value: (Int) -> Float) {
    buffer = .allocate(capacity: count)
    for i in 0..<count { buffer.initializeElement(at: i, to: value(i)) }
  }

  deinit { buffer.deallocate() }
}

extension GroupChecks {
  /// Three sums on their way at a time, the first waited for last; and a call between that must not mix with them.
  func startedSumsEndInAnyOrder(count: Int) throws {
    let results = try kind.run { group in
      let values = (1...3).map { factor in
        OwnedValues(count: count) { Float(($0 % 1000 + group.rank) * factor) }
      }
      let first = try group.startSum(values[0].buffer, in: values[0])
      let second = try group.startSum(values[1].buffer, in: values[1])
      let third = try group.startSum(values[2].buffer, in: values[2])
      try group.barrier()
      while try !third.test() {}
      try third.wait()
      try second.wait()
      try first.wait()
      let size = group.size
      return (1...3).map { factor in
        (0..<count).allSatisfy {
          values[factor - 1].buffer[$0] == Float(($0 % 1000 * size + size * (size - 1) / 2) * factor)
        }
      }
    }
    for result in results { #expect(result == [true, true, true]) }
  }

  func aStartedSumKeepsItsMemory() throws {
    let results = try kind.run { group in
      weak var memory: OwnedValues?
      let pending: PendingSum
      do {
        let values = OwnedValues(count: 1000) { Float($0) }
        memory = values
        pending = try group.startSum(values.buffer, in: values)
      }
      let isKept = memory != nil
      try pending.wait()
      try group.barrier()
      return (isKept, memory == nil)
    }
    for (isKept, isGivenBack) in results {
      #expect(isKept)
      #expect(isGivenBack)
    }
  }

  /// Each rank sends one message after another to rank 0, which takes them rank by rank.
  func bytesAreStreamed(counts: [Int]) throws {
    let byte: @Sendable (Int, Int) -> UInt8 = { UInt8(truncatingIfNeeded: $0 &* 31 &+ $1) }
    let results = try kind.run { group in
      for count in counts where group.rank > 0 {
        let bytes = (0..<count).map { byte($0, group.rank + count) }
        try bytes.withUnsafeBytes { try group.send($0, to: 0) }
      }
      guard group.rank == 0 else { return true }
      return try (1..<max(1, group.size)).allSatisfy { sender in
        try counts.allSatisfy { count in
          var bytes = [UInt8](repeating: 0, count: count)
          try bytes.withUnsafeMutableBytes { try group.receive($0, from: sender) }
          return bytes == (0..<count).map { byte($0, sender + count) }
        }
      }
    }
    for result in results { #expect(result) }
  }

  func aShortMessageIsRefused() throws {
    let results = try kind.run { group in
      guard group.size > 1 else { return ParallelError?.none }
      var bytes = [UInt8](repeating: 1, count: 8)
      if group.rank == 1 {
        try bytes.withUnsafeBytes { try group.send(UnsafeRawBufferPointer(rebasing: $0[..<5]), to: 0) }
      }
      do {
        if group.rank == 0 { try bytes.withUnsafeMutableBytes { try group.receive($0, from: 1) } }
      } catch let error as ParallelError { return error }
      return .noSuchRank(operation: "", rank: group.rank, size: group.size)
    }
    for result in results {
      switch result {
      case nil, .noSuchRank(_, rank: 1..., _): break
      default: #expect(result == .message(from: 1, found: 5, expected: 8))
      }
    }
  }

  func aMissingPeerIsRefused() throws {
    let results = try kind.run { group in
      [-2, -1, group.size].map { peer in
        do throws(ParallelError) {
          try group.send(UnsafeRawBufferPointer(start: nil, count: 0), to: peer)
          return false
        } catch { return error == .noSuchRank(operation: "send", rank: peer, size: group.size) }
      }
    }
    for result in results { #expect(result == [true, true, true]) }
  }
}
