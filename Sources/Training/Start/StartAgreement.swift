internal import Checkpoints
internal import JSON
package import Parallel

/// The first exchange of a run's ranks: whether each could read its run file, and whether all have read the same. Whatever
/// comes after it may rely on that: ranks that disagree on what they exchange wait for each other for ever.
package enum StartAgreement {
  /// This rank's configuration, if all ranks have the same. All ranks call it, before they exchange anything else.
  ///
  /// - Parameter own: what came of reading the run file here.
  /// - Throws: on all ranks alike: the error of reading where it is the same on all, else ``StartError``.
  package static func confirm(
    _ own: Result<RunConfig, any Error>, in group: any ProcessGroup
  ) throws -> RunConfig {
    let found = own.map { subject(of: $0) }
    let problem = if case .failure(let error) = own { "\(error)" } else { "" }
    let problems = try group.allGather(problem)
    if Set(problems).count == 1 {
      let configuration = try own.get()
      try requireSame(try found.get(), in: group)
      return configuration
    }
    let failed = try places(in: group).filter { !problems[$0.rank].isEmpty }
    throw StartError.unreadable(failed[0], problem: problems[failed[0].rank], count: failed.count)
  }

  /// What ranks must have in common: all that the configuration says, and the program.
  private static func subject(of configuration: RunConfig) -> JSONValue {
    #if arch(x86_64)
      let architecture = "x86-64"
    #elseif arch(arm64)
      let architecture = "arm64"
    #else
      let architecture = "another one"
    #endif
    let program: [JSONValue.Entry] = [
      .init(key: "program version", value: .text(ProgramVersion.current.version)),
      .init(key: "processor architecture", value: .text(architecture)),
    ]
    return .mapping(program + (configuration.resolved.entries ?? []))
  }

  private static func requireSame(_ subject: JSONValue, in group: any ProcessGroup) throws {
    let text = subject.json(pretty: false)
    let digests = try group.allGather(String(ContentDigest(text).value, radix: 16))
    guard Set(digests).count > 1 else { return }
    let first = try JSONValue(json: try group.allGather(group.rank == 0 ? text : "")[0], source: "rank 0")
    let difference = subject.differences(from: first).first
    let own = difference.map { [$0.key, $0.first.json(pretty: false), $0.second.json(pretty: false)] } ?? []
    let differences = try group.allGather(own.joined(separator: "\t")).map {
      $0.split(separator: "\t").map(String.init)
    }
    let places = try places(in: group)
    // Digests may differ where values do not, as 2 and 2.0.
    guard let rank = differences.firstIndex(where: { $0.count == 3 }) else { return }
    throw StartError.differs(
      places[rank], from: places[0], key: differences[rank][0], found: differences[rank][1],
      expected: differences[rank][2], count: differences.count { !$0.isEmpty })
  }

  private static func places(in group: any ProcessGroup) throws -> [StartError.Place] {
    try group.allGather(group.hostName).enumerated().map { StartError.Place(rank: $0, host: $1) }
  }
}

/// Why ranks cannot begin a run together; all of them know.
package enum StartError: Error, CustomStringConvertible {
  package struct Place: Hashable, Sendable, CustomStringConvertible {
    let rank: Int
    let host: String

    package var description: String { "rank \(rank) on \(host)" }
  }

  /// A rank could not read what another could, and why; `count` ranks could not.
  case unreadable(Place, problem: String, count: Int)
  /// A rank has another configuration than rank 0; `count` ranks have.
  case differs(Place, from: Place, key: String, found: String, expected: String, count: Int)

  package var description: String {
    switch self {
    case .unreadable(let place, let problem, let count):
      "\(place): \(problem)\(Self.more(count))"
    case .differs(let place, let first, let key, let found, let expected, let count):
      "\(key) is \(found) on \(place), \(expected) on \(first)\(Self.more(count)): all ranks need the same run file, "
        + "options and program"
    }
  }

  private static func more(_ count: Int) -> String {
    count > 1 ? " (and \(count - 1) more such \(count == 2 ? "rank" : "ranks"))" : ""
  }
}
