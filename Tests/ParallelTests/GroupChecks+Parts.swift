import Foundation
import Parallel
import Testing

/// A group for one thread and what that thread found.
// `thread` is started once and its results are read after `done`, so no two threads touch them at a time.
private final class SecondThread: @unchecked Sendable {
  private let group: any HostGroup
  private let done = DispatchSemaphore(value: 0)
  private var result = Result<Bool, any Error>.success(false)

  init(_ group: any HostGroup) {
    self.group = group
  }

  func start(_ body: @escaping @Sendable (any HostGroup) throws -> Bool) {
    Thread.detachNewThread { [self] in
      result = Result { try body(group) }
      done.signal()
    }
  }

  func wait() throws -> Bool {
    done.wait()
    return try result.get()
  }
}

extension GroupChecks {
  /// Two threads a rank sum at the same time, each as fast as it can, so that their calls meet in any order.
  func aDuplicateServesASecondThread() throws {
    let sums: @Sendable (any HostGroup, Int) throws -> Bool = { group, factor in
      try (0..<200).allSatisfy { round in
        var values = [Float](repeating: Float(round * factor), count: 1 + round * 10)
        try values.withUnsafeMutableBufferPointer { try group.allReduce($0) }
        return values.allSatisfy { $0 == Float(round * factor * group.size) }
      }
    }
    let results = try kind.run { group in
      let copy = try group.duplicate()
      guard copy.rank == group.rank, copy.size == group.size else { return false }
      let second = SecondThread(copy)
      second.start { try sums($0, 3) }
      let isRight = try sums(group, 7)
      let isRightThere = try second.wait()
      try copy.finish()
      try group.barrier()
      return isRight && isRightThere
    }
    for result in results { #expect(result) }
  }
}
