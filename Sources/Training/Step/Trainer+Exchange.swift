package import Parallel
internal import Telemetry

extension Trainer {
  /// What the ranks exchange gradients with; says and records which way they take. All ranks call it, before rank 0 reads
  /// or writes anything.
  func makeExchange() throws -> GradientExchange {
    let settings = config.parallel
    let collectives = try group.makeCollectives(
      CollectivesSettings(
        isOverlapped: try settings.isOverlapped(in: group, hasSpareCore: host.hasSpareCore),
        sharesMemory: settings.sharesMemory))
    let exchange = GradientExchange(
      model.parameters, plan: buckets, group: group, collectives: collectives, isSharded: settings.shardsOptimizer,
      wire: settings.wire)
    if group.size > 1 { state.sumOrder = try sumOrder(exchange) }
    guard group.rank == 0 else { return exchange }
    if case .messages(let obstacle?) = exchange.route {
      logger.warning(
        "ranks share no memory of the machine; their sums are left to MPI, which is slower",
        fields: ["reason": "\(obstacle)"])
    }
    if settings.overlap == .auto, !group.servesThreads {
      logger.notice("gradients are summed after the backward pass: MPI lets only one thread make calls")
    }
    return exchange
  }

  /// What the order of sums hangs on. MPI chooses one by the number of values and ranks, and may by which ranks share a
  /// machine; in shared memory, and where each rank's values are rounded, it is that of the ranks. All ranks call it.
  private func sumOrder(_ exchange: GradientExchange) throws -> String {
    let hosts = try group.allGather(group.hostName)
    if config.parallel.wire == .bfloat16 { return "of ranks" }
    if exchange.route == .sharedMemory, !exchange.isSharded { return "of ranks, in shared memory" }
    let machines = Dictionary(grouping: hosts.indices) { hosts[$0] }.values.sorted { $0[0] < $1[0] }
    return "MPI's, ranks by machine: " + machines.map { HostReport.list($0) }.joined(separator: " | ")
  }
}

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
      let hosts = Set(try group.allGather(group.hostName))
      let answers = try group.allGather(!group.servesThreads ? "alone" : hasSpareCore ? "spare" : "none")
      guard !answers.contains("alone") else { return false }
      return hosts.count > 1 || answers.allSatisfy { $0 == "spare" }
    }
  }
}
