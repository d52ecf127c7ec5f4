/// How the ranks' heartbeats find each other: over the loopback interface on one machine, else over the interface that
/// leads to rank 0's machine.
enum HeartbeatExchange {
  /// This rank's end, its sockets to the others found through the group. All ranks call it.
  ///
  /// Rank 0 listens on every address that may be reached from another machine, at ports that the system chooses, and
  /// keeps those on which somebody comes; the others try each and keep the one that answers.
  static func post(_ group: any ProcessGroup, limit: Duration) throws(ParallelError) -> any HeartbeatPost {
    let machines = try group.allGather(NetworkInterfaces.machine)
    let hosts = try group.allGather(group.hostName)
    let sockets = group.rank == 0 ? openSockets(machines) : []
    let offer = sockets.map { "\($0.address.text.host) \($0.address.text.port)" }
    let key = String(UInt64.random(in: 0 ... .max), radix: 36)
    let offers = try group.allGather(([key] + offer).joined(separator: "\t"))[0].split(separator: "\t").map(String.init)
    guard group.rank > 0 else { return HeartbeatCoordinator(key: key, hosts: hosts, limit: limit, sockets: sockets) }
    let isNear = machines[group.rank] == machines[0]
    let candidates = offers.dropFirst().compactMap { socket(to: $0, isNear: isNear) }
    return HeartbeatMember(key: offers[0], rank: group.rank, hosts: hosts, limit: limit, sockets: candidates)
  }

  /// Rank 0's sockets, for ranks on its own machine and for those on others.
  private static func openSockets(_ machines: [String]) -> [HeartbeatSocket] {
    let isAlone = Set(machines).count == 1
    let hasNeighbours = machines.dropFirst().contains(machines[0])
    let near = hasNeighbours ? [NetworkInterfaces.loopback].compactMap { $0 } : []
    return (near + (isAlone ? [] : NetworkInterfaces.addresses)).compactMap(HeartbeatSocket.init(boundTo:))
  }

  /// A socket to an address of rank 0's; nil if this rank should not or cannot take it.
  private static func socket(to offer: String, isNear: Bool) -> HeartbeatSocket? {
    let parts = offer.split(separator: " ").map(String.init)
    guard parts.count == 2, let address = HeartbeatAddress(host: parts[0], port: parts[1]) else { return nil }
    // On rank 0's machine the loopback interface works whatever happens to the others; elsewhere it leads nowhere.
    let isLoopback = address.hostBytes == NetworkInterfaces.loopback?.hostBytes
    return isLoopback == isNear ? HeartbeatSocket(connectedTo: address) : nil
  }
}

/// One rank's end of the exchange of heartbeats; used by the failure detector's thread alone.
protocol HeartbeatPost: Sendable {
  typealias Instant = ContinuousClock.Instant

  /// Whether heartbeats come from all that this rank listens to.
  var isConnected: Bool { get }

  /// Hears what came, sends this rank's heartbeat and judges.
  ///
  /// - Returns: why the job has to end; nil while it can go on.
  mutating func tick(_ status: RankStatus, at now: Instant) -> FailureVerdict?
  /// Closes what was opened to find the others and is not needed any more.
  mutating func settle()
  /// This rank was not running for so long; that is not held against others.
  mutating func forgive(_ gap: Duration)
  /// Tells the others that the job has to end.
  func announce(_ reason: String)
  /// Tells the others that this rank leaves in good order.
  func leave()
}

/// That a job has to end.
struct FailureVerdict: Hashable, Sendable {
  /// What is wrong, in a line.
  var reason: String
  /// Whether it was rank 0 that said so and ends the job by itself.
  var isTold = false
}
