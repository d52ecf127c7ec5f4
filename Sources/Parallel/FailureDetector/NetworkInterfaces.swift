internal import Foundation

/// Addresses of this machine over which the ranks of a job may reach each other.
enum NetworkInterfaces {
  /// What is equal for processes that reach each other over the loopback interface, and differs for others.
  static var machine: String {
    let boot = (try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)) ?? systemHostName()
    let network = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/net")
    return boot.trimmingCharacters(in: .whitespacesAndNewlines) + " " + (network ?? "")
  }

  static let loopback = HeartbeatAddress(host: "127.0.0.1")

  /// Addresses of the interfaces that are up, loopback left out; only those that MPI was told to use where it was
  /// (`btl_tcp_if_include`).
  static var addresses: [HeartbeatAddress] {
    var list: UnsafeMutablePointer<ifaddrs>?
    guard unsafe getifaddrs(&list) == 0 else { return [] }
    defer { unsafe freeifaddrs(list) }
    let wanted = ProcessInfo.processInfo.environment["OMPI_MCA_btl_tcp_if_include"].map(Selection.init)
    var found: [HeartbeatAddress] = []
    var next = unsafe list
    while let entry = unsafe next?.pointee {
      unsafe next = unsafe entry.ifa_next
      let flags = unsafe Int(entry.ifa_flags)
      guard flags & Int(IFF_UP) != 0, flags & Int(IFF_LOOPBACK) == 0, let name = unsafe entry.ifa_addr,
        let address = unsafe HeartbeatAddress(of: name), !isLocalToLink(address),
        unsafe wanted?.contains(address, interface: String(cString: entry.ifa_name)) ?? true
      else { continue }
      found.append(address)
    }
    return found
  }

  /// Such an address means nothing without the interface's number, which differs between machines.
  private static func isLocalToLink(_ address: HeartbeatAddress) -> Bool {
    let bytes = address.hostBytes
    return bytes.count == 16 && bytes[0] == 0xfe && bytes[1] & 0xc0 == 0x80
  }

  /// A list such as `eth0,10.77.0.0/24`: names of interfaces, and networks.
  struct Selection {
    private let entries: [Substring]

    init(_ text: String) {
      entries = text.split(separator: ",")
    }

    func contains(_ address: HeartbeatAddress, interface: String) -> Bool {
      entries.contains { $0 == interface || Self.isNetwork($0, of: address) }
    }

    /// Whether `text` is a network in which the address lies.
    private static func isNetwork(_ text: Substring, of address: HeartbeatAddress) -> Bool {
      let parts = text.split(separator: "/")
      guard parts.count == 2, let network = HeartbeatAddress(host: String(parts[0])), let length = Int(parts[1]),
        network.family == address.family, (0...network.hostBytes.count * 8).contains(length)
      else { return false }
      return zip(network.hostBytes, address.hostBytes).enumerated().allSatisfy { index, pair in
        let bits = min(8, max(0, length - index * 8))
        let mask = UInt8(truncatingIfNeeded: 0xff00 >> bits)
        return pair.0 & mask == pair.1 & mask
      }
    }
  }
}
