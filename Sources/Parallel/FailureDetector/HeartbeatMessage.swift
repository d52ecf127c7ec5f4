/// A datagram between the failure detectors of two ranks: text with tabs, the job's key first, so that what comes from
/// elsewhere does not count.
struct HeartbeatMessage: Hashable, Sendable {
  enum Content: Hashable, Sendable {
    case heartbeat(RankStatus)
    /// The sender leaves in good order.
    case farewell
    /// The job has to end, and why.
    case end(reason: String)
  }

  /// Bytes that a message may take on a wire whose packets are not split.
  static let capacity = 1400

  var sender: Int
  var content: Content

  func bytes(key: String) -> [UInt8] {
    let fields =
      switch content {
      case .heartbeat(let status): ["beat"] + Self.fields(status)
      case .farewell: ["farewell"]
      case .end(let reason): ["end", reason]
      }
    return Array(([key, "\(sender)"] + fields).joined(separator: "\t").utf8.prefix(Self.capacity))
  }

  /// - Returns: nil for bytes that are no message of the job with this key.
  init?(_ bytes: some Collection<UInt8>, key: String) {
    // What comes from elsewhere may come often.
    guard bytes.starts(with: key.utf8) else { return nil }
    let text = String(decoding: bytes, as: UTF8.self)
    let fields = text.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
    guard fields.count >= 3, fields[0] == key, let sender = Int(fields[1]), sender >= 0 else { return nil }
    let rest = Array(fields[3...])
    let content: Content? =
      switch (fields[2], rest.count) {
      case ("beat", _): Self.status(rest).map(Content.heartbeat)
      case ("farewell", 0): .farewell
      case ("end", 1): .end(reason: rest[0])
      default: nil
      }
    guard let content else { return nil }
    self.init(sender: sender, content: content)
  }

  init(sender: Int, content: Content) {
    self.sender = sender
    self.content = content
  }

  private static func fields(_ status: RankStatus) -> [String] {
    let common = ["\(status.changeCount)", "\(status.step)", status.phase.rawValue]
    guard let call = status.call else { return common }
    return common + ["\(call.group)", "\(call.number)", call.name]
  }

  private static func status(_ fields: [String]) -> RankStatus? {
    guard fields.count == 3 || fields.count == 6, let changes = Int(fields[0]), let step = Int(fields[1]),
      let phase = WorkPhase(rawValue: fields[2])
    else { return nil }
    var status = RankStatus(changeCount: changes, step: step, phase: phase)
    guard fields.count == 6 else { return status }
    guard let group = Int(fields[3]), let number = Int(fields[4]) else { return nil }
    status.call = RankStatus.Call(group: group, number: number, name: fields[5])
    return status
  }
}

/// What a rank is doing at a moment, as its heartbeat tells it.
struct RankStatus: Hashable, Sendable {
  /// A call that waits for other ranks.
  struct Call: Hashable, Sendable {
    /// Number of the group among those of its rank; 0 is the job's own.
    var group: Int
    /// The call's number in its group, from 1: equal on all ranks that make it.
    var number: Int
    /// Such as `all-reduce of 3 Float`.
    var name: String
  }

  /// Grows with every call that begins or ends and every note of a step or phase.
  var changeCount = 0
  /// The step that the rank works on, from 1; 0 before the first.
  var step = 0
  var phase = WorkPhase.start
  /// The call that the rank has been in for the longest time.
  var call: Call?
}

extension RankStatus: CustomStringConvertible {
  /// Such as `step 41, all-reduce of 3 Float` or `step 41, forward and backward`.
  var description: String { "\(place), \(call?.name ?? phase.rawValue)" }

  /// Such as `step 41`.
  var place: String { step == 0 ? "the start" : "step \(step)" }
}
