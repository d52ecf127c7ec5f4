/// Decides on rank 0, from what the ranks' heartbeats say, whether the job can go on. All times are this rank's own.
///
/// Two things end a job:
/// - a rank that has been **silent** for three quarters of the limit: it died, was stopped or lost its link. That comes
///   before the limit, so that it is named before the standstill that it causes.
/// - a **standstill**: for the length of the limit no rank began or ended a call or reached another part of a step.
///   A rank outside of calls that loads, validates or writes a checkpoint has ten times the limit, and all who wait
///   for it have it too.
struct FailureJudge {
  typealias Instant = ContinuousClock.Instant

  private struct Seat {
    let host: String
    var status = RankStatus()
    var lastHeard: Instant
    var lastChange: Instant
    var hasLeft = false
  }

  private let limit: Duration
  private var seats: [Seat]

  /// - Parameter hosts: the ranks' machines, in rank order.
  init(hosts: [String], limit: Duration, now: Instant) {
    self.limit = limit
    seats = hosts.map { Seat(host: $0, lastHeard: now, lastChange: now) }
  }

  /// How long a rank may be silent.
  static func silenceLimit(_ limit: Duration) -> Duration { limit * 0.75 }

  mutating func hear(_ status: RankStatus, from rank: Int, at now: Instant) {
    seats[rank].lastHeard = now
    // Datagrams may overtake each other.
    guard status.changeCount > seats[rank].status.changeCount else { return }
    seats[rank].status = status
    seats[rank].lastChange = now
  }

  /// The rank leaves in good order; nothing is expected of it any more.
  mutating func leave(_ rank: Int) {
    seats[rank].hasLeft = true
  }

  /// This rank was not running for so long, and could neither hear nor be waited for.
  mutating func forgive(_ gap: Duration) {
    for rank in seats.indices {
      seats[rank].lastHeard += gap
      seats[rank].lastChange += gap
    }
  }

  /// Why the job has to end, in one line; nil while it can go on.
  func reason(at now: Instant) -> String? {
    let present = seats.indices.filter { !seats[$0].hasLeft }
    let silent = present.filter { now - seats[$0].lastHeard >= Self.silenceLimit(limit) }
    if !silent.isEmpty {
      let longest = silent.map { now - seats[$0].lastHeard }.max() ?? .zero
      let list = names(silent, withHosts: true)
      let verb = silent.count == 1 ? "has" : "have"
      return "\(list) \(verb) been silent for \(Self.seconds(longest)) (dead, stopped or cut off); "
        + picture(of: present, absent: silent, at: now)
    }
    let isStanding = present.allSatisfy { rank in
      let seat = seats[rank]
      let patience = seat.status.call == nil ? seat.status.phase.patience : 1
      return now - seat.lastChange >= limit * patience
    }
    guard isStanding, let latest = present.map({ now - seats[$0].lastChange }).min() else { return nil }
    return "no rank has gone on for \(Self.seconds(latest)); " + picture(of: present, absent: [], at: now)
  }

  /// Who is where: the ranks that arrived in the call that most wait in, and each other rank's place.
  private func picture(of ranks: [Int], absent: [Int], at now: Instant) -> String {
    let calls = Dictionary(grouping: ranks.filter { !absent.contains($0) && seats[$0].status.call != nil }) {
      seats[$0].status.call
    }
    let most = calls.max { ($0.value.count, $0.key?.number ?? 0) < ($1.value.count, $1.key?.number ?? 0) }
    let arrived = most?.value ?? []
    var others = Dictionary(grouping: ranks.filter { !arrived.contains($0) }) { rank in
      (absent.contains(rank) ? "last seen in " : "in ") + seats[rank].status.description
    }
    .map { (ranks: $0.value, place: $0.key) }
    others.sort { $0.ranks[0] < $1.ranks[0] }
    let places = others.map { "\(names($0.ranks, withHosts: true)) (\($0.place))" }
    guard let first = arrived.first else { return places.joined(separator: ", ") }
    let status = seats[first].status
    let missing = places.isEmpty ? "" : "; not arrived: " + places.joined(separator: ", ")
    return "\(status): arrived: \(names(arrived, withHosts: false))\(missing)"
  }

  /// Such as `rank 2 on node1`, `ranks 0-3, 7`.
  private func names(_ ranks: [Int], withHosts: Bool) -> String {
    let list = Self.ranges(ranks)
    let hosts = Set(ranks.map { seats[$0].host })
    let place = withHosts && hosts.count == 1 ? " on \(hosts.first ?? "")" : ""
    return (ranks.count == 1 ? "rank " : "ranks ") + list + place
  }

  /// Such as `0-3, 7`; the numbers are in order.
  static func ranges(_ numbers: [Int]) -> String {
    var ranges: [ClosedRange<Int>] = []
    for number in numbers {
      if let last = ranges.last, last.upperBound == number - 1 {
        ranges[ranges.count - 1] = last.lowerBound...number
      } else {
        ranges.append(number...number)
      }
    }
    return ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
      .joined(separator: ", ")
  }

  /// Such as `7.5 s`.
  static func seconds(_ duration: Duration) -> String {
    let tenths = Int((duration / .milliseconds(100)).rounded())
    return "\(tenths / 10).\(tenths % 10) s"
  }
}
