/// The end of a rank other than 0: tells rank 0 where it is, and ends the job if rank 0 is not heard any more.
struct HeartbeatMember: HeartbeatPost {
  private let key: String
  private let rank: Int
  private let hosts: [String]
  private let limit: Duration
  /// Sockets to rank 0; after the first answer, the one that it came on.
  private var sockets: [HeartbeatSocket]
  private var way: HeartbeatSocket?
  private var lastHeard: Instant?
  private var isReleased = false

  init(key: String, rank: Int, hosts: [String], limit: Duration, sockets: [HeartbeatSocket]) {
    self.key = key
    self.rank = rank
    self.hosts = hosts
    self.limit = limit
    self.sockets = sockets
  }

  /// How long rank 0 may be silent: longer than another rank may be, so that rank 0's word with all names comes first.
  static func silenceLimit(_ limit: Duration) -> Duration { limit * 0.875 }

  var isConnected: Bool { way != nil }

  mutating func tick(_ status: RankStatus, at now: Instant) -> FailureVerdict? {
    var reason: String?
    let end = ContinuousClock.now + HeartbeatSocket.longestLook
    for socket in sockets {
      HeartbeatSocket.drain(until: end, next: socket.receive) { bytes, _ in
        guard let message = HeartbeatMessage(bytes, key: key), message.sender == 0 else { return true }
        if way == nil { way = socket }
        lastHeard = now
        switch message.content {
        case .heartbeat: break
        case .farewell: isReleased = true
        case .end(let why): reason = why
        }
        return reason == nil
      }
    }
    if let reason { return FailureVerdict(reason: reason, isTold: true) }
    send(.heartbeat(status))
    guard let lastHeard, !isReleased, now - lastHeard >= Self.silenceLimit(limit) else { return nil }
    return FailureVerdict(
      reason:
        "rank 0 on \(hosts[0]) has been silent for \(FailureJudge.seconds(now - lastHeard)) (dead, stopped or cut "
        + "off); rank \(rank) on \(hosts[rank]) is in \(status)")
  }

  mutating func settle() {
    if let way { sockets = [way] }
  }

  mutating func forgive(_ gap: Duration) { lastHeard = lastHeard.map { $0 + gap } }

  func announce(_ reason: String) {}

  func leave() { send(.farewell) }

  private func send(_ content: HeartbeatMessage.Content) {
    let bytes = HeartbeatMessage(sender: rank, content: content).bytes(key: key)
    for socket in way.map({ [$0] }) ?? sockets { socket.send(bytes) }
  }
}
