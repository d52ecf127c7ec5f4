import Foundation
import Parallel
import Testing

extension GroupChecks {
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
