package import Parallel
internal import Telemetry

/// What is left for the ranks of a machine.
package struct MemoryRoom: Hashable, Sendable {
  /// Memory for all ranks of the machine together, in bytes; nil: not known.
  package var sharedBytes: Int?
  /// Addresses that this rank's process alone may take, in bytes; nil: it has no limit.
  package var addressBytes: Int?
  /// Which of the machine's memories it is, such as `GPU 0`; empty for that of its processors.
  package var place: String

  package init(sharedBytes: Int? = nil, addressBytes: Int? = nil, place: String = "") {
    self.sharedBytes = sharedBytes
    self.addressBytes = addressBytes
    self.place = place
  }

  /// The most that one rank alone could take, in bytes.
  package var largestBytes: Int { min(sharedBytes ?? .max, addressBytes ?? .max) }

  /// Refuses what has no room on a machine of the group, or in the addresses of a rank. All ranks call it, and all throw
  /// alike.
  ///
  /// - Parameters:
  ///   - neededBytes: what this rank takes at most.
  ///   - remedies: what lowers that, for the message.
  package func require(_ neededBytes: Int, remedies: [String], in group: any ProcessGroup) throws {
    let name = place.isEmpty ? group.hostName : "\(group.hostName), \(place)"
    let own = "\(neededBytes) \(sharedBytes ?? Int.max) \(addressBytes ?? Int.max) \(name)"
    let demands = try group.allGather(own).map { Demand($0.split(separator: " ", maxSplits: 3)) }
    for demand in demands where demand.needed > Double(demand.addresses) {
      throw MemoryError.addresses(
        host: demand.host, neededBytes: Int(min(demand.needed, 9e18)), availableBytes: demand.addresses,
        remedies: remedies)
    }
    for (host, ranks) in Dictionary(grouping: demands, by: \.host).sorted(by: { $0.key < $1.key }) {
      let needed = ranks.reduce(0) { $0 + $1.needed }
      let available = ranks.reduce(Int.max) { min($0, $1.shared) }
      guard needed > Double(available) else { continue }
      throw MemoryError.memory(
        host: host, rankCount: ranks.count, neededBytes: Int(min(needed, 9e18)), availableBytes: available,
        remedies: remedies)
    }
  }

  /// What a rank said of itself.
  private struct Demand {
    let needed: Double
    let shared: Int
    let addresses: Int
    let host: String

    init(_ fields: [Substring]) {
      needed = fields.first.flatMap { Double($0) } ?? 0
      shared = fields.dropFirst().first.flatMap { Int($0) } ?? .max
      addresses = fields.dropFirst(2).first.flatMap { Int($0) } ?? .max
      host = fields.count > 3 ? String(fields[3]) : ""
    }
  }
}

/// Why there is no room for what somebody wants to do.
package enum MemoryError: Error, CustomStringConvertible {
  /// The ranks of a machine need more memory than it has left.
  case memory(host: String, rankCount: Int, neededBytes: Int, availableBytes: Int, remedies: [String])
  /// A rank needs more addresses than the limits of its process leave.
  case addresses(host: String, neededBytes: Int, availableBytes: Int, remedies: [String])

  package var description: String {
    switch self {
    case .memory(let host, let rankCount, let neededBytes, let availableBytes, let remedies):
      "memory: \(rankCount == 1 ? "a rank" : "\(rankCount) ranks") on \(host) would take "
        + "\(Format.bytes(neededBytes)), \(Format.bytes(availableBytes)) are available; less is taken with "
        + remedies.joined(separator: ", ")
    case .addresses(let host, let neededBytes, let availableBytes, let remedies):
      "memory: a rank on \(host) would take \(Format.bytes(neededBytes)), its limit (ulimit -v or -d) leaves "
        + "\(Format.bytes(availableBytes)); less is taken with " + remedies.joined(separator: ", ")
    }
  }
}
