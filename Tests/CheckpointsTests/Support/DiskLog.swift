import Checkpoints
import Foundation
import Synchronization

/// Counts the changes that a disk is told to make, and fails them from some point on.
final class DiskLog: Sendable {
  private let changes = Mutex<[DiskChange]>([])

  /// A disk that works until `limit` changes are made; then the next one fails, and all after it too if `forGood`.
  func disk(failingAfter limit: Int = .max, code: Int32 = ENOSPC, forGood: Bool = false) -> Disk {
    Disk { change in
      self.changes.withLock { changes in
        changes.append(change)
        return changes.count - 1 == limit || (forGood && changes.count > limit) ? code : nil
      }
    }
  }

  var count: Int { changes.withLock { $0.count } }
}
