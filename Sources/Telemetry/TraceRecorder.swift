internal import Foundation
internal import JSON
internal import Synchronization

/// What one rank's threads do while it is traced: stretches of time with names. Any thread may add to it.
package final class TraceRecorder: Sendable {
  package typealias Instant = ContinuousClock.Instant

  /// A row of the picture.
  package enum Track: Int, CaseIterable, Sendable {
    /// The thread that steers the rank: steps, in them phases, in these ops.
    case steps
    /// The thread that makes batches in advance.
    case data
    /// Calls to other ranks, on a thread of their own or not.
    case communication

    fileprivate var title: String {
      switch self {
      case .steps: "steps"
      case .data: "batches in advance"
      case .communication: "communication"
      }
    }
  }

  private struct Span: Sendable {
    let name: String
    let kind: String
    let track: Track
    let start: Instant
    let end: Instant
    let details: [(key: String, value: Int)]
    let parameter: String?
  }

  private struct State {
    var isActive = false
    var spans: [Span] = []
    /// The moment that all ranks call 0.
    var zero: Instant?
  }

  private let state = Mutex(State())

  package init() {}

  package var isActive: Bool { state.withLock { $0.isActive } }

  /// Begins to take what is added.
  ///
  /// - Parameter meet: returns on all ranks at the same moment, as well as they can; called the first time.
  package func begin<Failure: Error>(meetingAt meet: () throws(Failure) -> Void) throws(Failure) {
    if state.withLock({ $0.zero }) == nil {
      try meet()
      let now = Instant.now
      state.withLock { $0.zero = now }
    }
    state.withLock { $0.isActive = true }
  }

  /// Ends to take what is added.
  package func end() { state.withLock { $0.isActive = false } }

  /// Adds what took place until now; nothing while nothing is traced.
  ///
  /// - Parameters:
  ///   - kind: what spans of one kind have in common, such as `phase`.
  ///   - parameter: the weights that it is about.
  package func add(
    _ name: @autoclosure () -> String, kind: String, on track: Track, from start: Instant, to end: Instant = .now,
    details: [(key: String, value: Int)] = [], parameter: String? = nil
  ) {
    guard isActive else { return }
    let span = Span(
      name: name(), kind: kind, track: track, start: start, end: end, details: details, parameter: parameter)
    state.withLock { $0.spans.append(span) }
  }

  /// Takes out all that was added, as the events of a rank: a JSON list.
  package func takeEvents(rank: Int, hostName: String) -> String {
    let (spans, zero) = state.withLock { state in
      defer { state.spans = [] }
      return (state.spans, state.zero ?? .now)
    }
    let process = [
      Self.metadata("process_name", rank: rank, arguments: ["name": .text("rank \(rank) on \(hostName)")]),
      Self.metadata("process_sort_index", rank: rank, arguments: ["sort_index": .integer(rank)]),
    ]
    let tracks = Track.allCases.map {
      Self.metadata("thread_name", rank: rank, track: $0, arguments: ["name": .text($0.title)])
    }
    // Whoever encloses others comes before them.
    let ordered = spans.sorted { ($0.start, $1.end) < ($1.start, $0.end) }
    return JSONValue.list(process + tracks + ordered.map { Self.event($0, rank: rank, zero: zero) }).json()
  }

  private static func metadata(_ name: String, rank: Int, track: Track = .steps, arguments: JSONValue) -> JSONValue {
    [
      "name": .text(name), "ph": "M", "pid": .integer(rank), "tid": .integer(track.rawValue), "args": arguments,
    ]
  }

  /// A complete event: microseconds since all ranks met.
  private static func event(_ span: Span, rank: Int, zero: Instant) -> JSONValue {
    let start = max(span.start, zero)
    var arguments = span.details.map { JSONValue.Entry(key: $0.key, value: .integer($0.value)) }
    if let parameter = span.parameter { arguments.append(JSONValue.Entry(key: "parameter", value: .text(parameter))) }
    return [
      "name": .text(span.name), "cat": .text(span.kind), "ph": "X", "ts": .number(microseconds(start - zero)),
      "dur": .number(max(0, microseconds(span.end - start))), "pid": .integer(rank),
      "tid": .integer(span.track.rawValue), "args": .mapping(arguments),
    ]
  }

  /// To the nanosecond.
  private static func microseconds(_ duration: Duration) -> Double {
    (duration / .nanoseconds(1)).rounded() / 1e3
  }
}

/// Events of all ranks in one file, in Chrome's trace event format, which Perfetto and chrome://tracing open.
///
/// - Source: "Trace Event Format", Google, 2016.
package struct TraceFile {
  private let path: String
  /// Texts of events, each without the brackets of its list.
  private var parts: [String] = []

  package init(path: String) {
    self.path = path
  }

  /// Adds events, and puts the file in place with all that there are.
  ///
  /// - Parameter ranks: each rank's ``TraceRecorder/takeEvents(rank:hostName:)``.
  package mutating func add(_ ranks: [String]) throws(TelemetryError) {
    parts += ranks.map { String($0.dropFirst().dropLast()) }
    let text = "{\"displayTimeUnit\": \"ms\", \"traceEvents\": [\n\(parts.joined(separator: ",\n"))\n]}\n"
    let newPath = path + ".new"
    unlink(newPath)  // one that a crash left
    try AppendOnlyFile(path: newPath).append(Array(text.utf8))
    guard rename(newPath, path) == 0 else { throw TelemetryError(operation: "write", path: path, code: errno) }
  }
}
