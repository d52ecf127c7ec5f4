internal import Parallel
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
    let hosts = try group.gather(group.hostName)
    if config.parallel.wire == .bfloat16 { return "of ranks" }
    if exchange.route == .sharedMemory, !exchange.isSharded { return "of ranks, in shared memory" }
    let machines = Dictionary(grouping: hosts.indices) { hosts[$0] }.values.sorted { $0[0] < $1[0] }
    return "MPI's, ranks by machine: " + machines.map { HostReport.list($0) }.joined(separator: " | ")
  }
}
