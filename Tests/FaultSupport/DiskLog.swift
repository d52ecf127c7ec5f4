package import Checkpoints
internal import Foundation
internal import Synchronization

/// Counts the changes that a disk is told to make, and fails them from some point on.
package final class DiskLog: Sendable {
  private let changes = Mutex<[DiskChange]>([])

  package init() {}

  /// A disk that works until `limit` changes are made; then the next one fails, and all after it too if `forGood`.
  package func disk(failingAfter limit: Int = .max, code: Int32 = ENOSPC, forGood: Bool = false) -> Disk {
    Disk { change in
      let place = self.note(change)
      return place == limit || (forGood && place > limit) ? code : nil
    }
  }

  /// Keeps a change and gives how many were made before it.
  package func note(_ change: DiskChange) -> Int {
    changes.withLock { changes in
      changes.append(change)
      return changes.count - 1
    }
  }

  package var count: Int { changes.withLock { $0.count } }
}
