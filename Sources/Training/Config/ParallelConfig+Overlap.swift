package import Parallel

extension ParallelConfig {
  /// Whether gradients are sent during the backward pass. All ranks call it, and decide alike.
  ///
  /// Between machines the network works while the cores compute. Inside one, sending is the cores' own work: a thread
  /// for it takes from the backward pass what it saves afterwards, unless it has a core of its own. Where MPI does not let
  /// a second thread make calls there is no choice.
  ///
  /// - Parameter hasSpareCore: whether this rank's machine has a core for each such thread.
  package func isOverlapped(in group: any ProcessGroup, hasSpareCore: Bool) throws(ParallelError) -> Bool {
    switch overlap {
    case .on: return true
    case .off: return false
    case .auto:
      let hosts = Set(try group.gather(group.hostName))
      let answers = try group.gather(!group.servesThreads ? "alone" : hasSpareCore ? "spare" : "none")
      guard !answers.contains("alone") else { return false }
      return hosts.count > 1 || answers.allSatisfy { $0 == "spare" }
    }
  }
}
