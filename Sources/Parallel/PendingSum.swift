/// A sum on its way, which owns the memory that it writes.
///
/// Given up without ``wait()``, as when another error ends the run first, it keeps that memory for ever.
package struct PendingSum: ~Copyable {
  let transfer: any Transfer

  init(_ transfer: any Transfer) {
    self.transfer = transfer
  }

  /// Drives transfers forward, and says whether this one is done.
  package func test() throws(ParallelError) -> Bool { try transfer.test() }

  /// Returns when the sums are in place.
  package consuming func wait() throws(ParallelError) { try transfer.wait() }
}

/// How a group carries out a ``PendingSum``.
protocol Transfer: AnyObject {
  func test() throws(ParallelError) -> Bool
  /// Called once at most.
  func wait() throws(ParallelError)
}
