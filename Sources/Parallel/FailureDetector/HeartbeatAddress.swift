internal import Foundation

/// An internet address with a port, in the system's form; both families.
struct HeartbeatAddress: Hashable, Sendable {
  /// A `sockaddr_in` or `sockaddr_in6`.
  private let storage: [UInt8]

  /// - Parameter host: an address in digits, such as `10.77.0.1`; names are not looked up.
  init?(host: String, port: String = "0") {
    var hints = unsafe addrinfo()
    unsafe hints.ai_flags = Int32(AI_NUMERICHOST | AI_NUMERICSERV)
    unsafe hints.ai_socktype = Int32(SOCK_DGRAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    guard unsafe getaddrinfo(host, port, &hints, &list) == 0, let list = unsafe list else { return nil }
    defer { unsafe freeaddrinfo(list) }
    storage = unsafe Array(UnsafeRawBufferPointer(start: list.pointee.ai_addr, count: Int(list.pointee.ai_addrlen)))
  }

  /// The address that a system call fills in; nil if `body` fails or the family is another one.
  init?(filledBy body: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32) {
    var name = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let code = unsafe withUnsafeMutablePointer(to: &name) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, &length) }
    }
    guard code >= 0 else { return nil }
    unsafe self.init(bytes: withUnsafeBytes(of: &name) { unsafe Array($0.prefix(Int(length))) })
  }

  /// The address of a network interface; nil for families other than the internet's.
  init?(of name: UnsafePointer<sockaddr>) {
    let sizes = [AF_INET: MemoryLayout<sockaddr_in>.size, AF_INET6: MemoryLayout<sockaddr_in6>.size]
    guard let size = unsafe sizes[Int32(name.pointee.sa_family)] else { return nil }
    unsafe self.init(bytes: Array(UnsafeRawBufferPointer(start: name, count: size)))
  }

  private init?(bytes: [UInt8]) {
    storage = bytes
    guard [AF_INET, AF_INET6].contains(family) else { return nil }
  }

  var family: Int32 {
    unsafe storage.withUnsafeBytes { unsafe Int32($0.loadUnaligned(as: sockaddr.self).sa_family) }
  }

  /// The address alone, in network order: 4 or 16 bytes.
  var hostBytes: [UInt8] {
    Array(family == AF_INET ? storage[4..<8] : storage[8..<24])
  }

  /// Host and port in digits.
  var text: (host: String, port: String) {
    var host = [CChar](repeating: 0, count: Int(NI_MAXHOST))
    var port = [CChar](repeating: 0, count: Int(NI_MAXSERV))
    let flags = NI_NUMERICHOST | NI_NUMERICSERV
    let code = unsafe withName {
      unsafe getnameinfo($0, $1, &host, socklen_t(host.count), &port, socklen_t(port.count), flags)
    }
    return code == 0 ? (Parallel.text(host), Parallel.text(port)) : ("", "")
  }

  /// The address as system calls take it.
  func withName<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
    var name = sockaddr_storage()
    unsafe withUnsafeMutableBytes(of: &name) { unsafe $0.copyBytes(from: storage) }
    return unsafe withUnsafePointer(to: &name) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, socklen_t(storage.count)) }
    }
  }
}
