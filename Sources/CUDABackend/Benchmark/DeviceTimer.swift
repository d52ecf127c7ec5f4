/// Seconds of one piece of a stream's work that is given again and again.
package struct DeviceTimes: Hashable, Sendable {
  package let fastest: Double
  package let median: Double
  /// Calls that were timed.
  package let count: Int
}

/// Times work by events of its stream, so that what the host does meanwhile does not count.
struct DeviceTimer {
  private static let warmUpCount = 2
  private static let callsAtOnce = 10

  let stream: CUDAStream
  /// How long a piece of work is timed, about.
  let seconds: Double
  private let events: [CUDAEvent]

  init(stream: CUDAStream, seconds: Double) throws(CUDAError) {
    self.stream = stream
    self.seconds = seconds
    var events: [CUDAEvent] = []
    for _ in 0...Self.callsAtOnce { events.append(try CUDAEvent(stream.device)) }
    self.events = events
  }

  func times(_ body: () throws(CUDAError) -> Void) throws(CUDAError) -> DeviceTimes {
    for _ in 0..<Self.warmUpCount { try body() }
    var times: [Double] = []
    repeat {
      try events[0].record(on: stream)
      for event in events.dropFirst() {
        try body()
        try event.record(on: stream)
      }
      try stream.synchronize()
      for (start, end) in zip(events, events.dropFirst()) { times.append(try end.seconds(since: start)) }
    } while times.reduce(0, +) < seconds
    times.sort()
    return DeviceTimes(fastest: times[0], median: times[times.count / 2], count: times.count)
  }
}
