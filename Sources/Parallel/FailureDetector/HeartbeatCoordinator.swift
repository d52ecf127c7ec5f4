/// Rank 0's end: hears all ranks, answers each, judges.
struct HeartbeatCoordinator: HeartbeatPost {
  private struct Link {
    let socket: HeartbeatSocket
    let peer: HeartbeatAddress
  }

  private let key: String
  private let hosts: [String]
  private let limit: Duration
  private var sockets: [HeartbeatSocket]
  private var links: [Int: Link] = [:]
  private var gone: Set<Int> = []
  /// From when all ranks have been heard.
  private var judge: FailureJudge?

  /// - Parameters:
  ///   - key: what the job's messages begin with.
  ///   - hosts: the ranks' machines, in rank order.
  ///   - sockets: those that other ranks may find this one at.
  init(key: String, hosts: [String], limit: Duration, sockets: [HeartbeatSocket]) {
    self.key = key
    self.hosts = hosts
    self.limit = limit
    self.sockets = sockets
  }

  var isConnected: Bool { judge != nil }

  mutating func tick(_ status: RankStatus, at now: Instant) -> FailureVerdict? {
    let end = ContinuousClock.now + HeartbeatSocket.longestLook
    for socket in sockets {
      HeartbeatSocket.drain(until: end, next: socket.receive) { bytes, sender in
        if let message = HeartbeatMessage(bytes, key: key), (1..<hosts.count).contains(message.sender) {
          hear(message, Link(socket: socket, peer: sender), at: now)
        }
        return true
      }
    }
    if judge == nil, links.count == hosts.count - 1 { judge = FailureJudge(hosts: hosts, limit: limit, now: now) }
    judge?.hear(status, from: 0, at: now)
    send(.heartbeat(status))
    return judge?.reason(at: now).map { FailureVerdict(reason: $0) }
  }

  private mutating func hear(_ message: HeartbeatMessage, _ link: Link, at now: Instant) {
    switch message.content {
    case .heartbeat(let status):
      links[message.sender] = link
      judge?.hear(status, from: message.sender, at: now)
    case .farewell:
      gone.insert(message.sender)
      judge?.leave(message.sender)
    case .end: break
    }
  }

  mutating func settle() {
    sockets.removeAll { socket in !links.values.contains { $0.socket === socket } }
  }

  mutating func forgive(_ gap: Duration) { judge?.forgive(gap) }

  func announce(_ reason: String) { send(.end(reason: reason)) }

  func leave() { send(.farewell) }

  private func send(_ content: HeartbeatMessage.Content) {
    let bytes = HeartbeatMessage(sender: 0, content: content).bytes(key: key)
    for (rank, link) in links where !gone.contains(rank) { link.socket.send(bytes, to: link.peer) }
  }
}
