internal import Foundation

/// A socket for datagrams that never waits. What cannot be sent is lost: the next heartbeat says it again.
final class HeartbeatSocket: Sendable {
  private let descriptor: Int32

  /// Where others reach it.
  let address: HeartbeatAddress

  /// A socket on one of this machine's addresses, at a port that the system chooses; nil if there is no such address.
  convenience init?(boundTo address: HeartbeatAddress) {
    self.init(family: address.family) { descriptor in unsafe address.withName { unsafe bind(descriptor, $0, $1) } }
  }

  /// A socket on the address from which `peer` is reached; it hears nobody else. Nil if there is no way there.
  convenience init?(connectedTo peer: HeartbeatAddress) {
    self.init(family: peer.family) { descriptor in unsafe peer.withName { unsafe connect(descriptor, $0, $1) } }
  }

  private init?(family: Int32, _ prepare: (Int32) -> Int32) {
    let kind = Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
    let descriptor = socket(family, kind, 0)
    guard descriptor >= 0 else { return nil }
    guard prepare(descriptor) == 0,
      let address = unsafe HeartbeatAddress(filledBy: { unsafe getsockname(descriptor, $0, $1) })
    else {
      close(descriptor)
      return nil
    }
    self.descriptor = descriptor
    self.address = address
    // Room for the heartbeats of many ranks between two looks; the system gives as much as it allows.
    var capacity: Int32 = 4 << 20
    unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &capacity, socklen_t(MemoryLayout<Int32>.size))
  }

  deinit {
    close(descriptor)
  }

  /// - Parameter peer: nil on a socket that is connected.
  func send(_ bytes: [UInt8], to peer: HeartbeatAddress? = nil) {
    let flags = Int32(MSG_NOSIGNAL)
    if let peer {
      _ = unsafe peer.withName { unsafe sendto(descriptor, bytes, bytes.count, flags, $0, $1) }
    } else {
      _ = unsafe Foundation.send(descriptor, bytes, bytes.count, flags)
    }
  }

  /// How long a look at what has come may take: whoever sends without end does not keep the failure detector from its watch.
  static let longestLook = Duration.milliseconds(100)

  /// Hands over what has come, until there is no more or the time is up.
  ///
  /// - Parameters:
  ///   - end: after which nothing more is taken; looked at now and then.
  ///   - next: the next of what has come; nil if there is none.
  ///   - body: returns whether to go on.
  static func drain<Datagram>(
    until end: ContinuousClock.Instant, next: () -> Datagram?, _ body: (Datagram) -> Bool
  ) {
    var count = 0
    while let datagram = next(), body(datagram) {
      count += 1
      if count.isMultiple(of: 64), ContinuousClock.now >= end { return }
    }
  }

  /// The next datagram and who sent it; nil if there is none.
  func receive() -> (bytes: ArraySlice<UInt8>, sender: HeartbeatAddress)? {
    var buffer = [UInt8](repeating: 0, count: 2048)
    while true {
      var count = 0
      let sender = unsafe HeartbeatAddress { name, length in
        count = unsafe recvfrom(descriptor, &buffer, buffer.count, 0, name, length)
        return count < 0 ? -1 : 0
      }
      if let sender { return (buffer.prefix(count), sender) }
      // An earlier datagram that found nobody is reported here once; what came after it is still to be read.
      guard count < 0, errno == ECONNREFUSED || errno == EINTR else { return nil }
    }
  }
}
