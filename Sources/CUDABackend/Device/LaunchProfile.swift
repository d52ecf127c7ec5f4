/// The time that each kernel of a stream takes, found by events around its launches: for tables of where a step's time goes.
final class LaunchProfile {
  private struct Launch {
    let name: String
    let start: CUDAEvent
    let end: CUDAEvent
  }

  private let stream: CUDAStream
  private var launches: [Launch] = []

  init(_ stream: CUDAStream) {
    self.stream = stream
  }

  func time(_ name: String, _ body: () throws(CUDAError) -> Void) throws(CUDAError) {
    let launch = Launch(name: name, start: try CUDAEvent(stream.device), end: try CUDAEvent(stream.device))
    try launch.start.record(on: stream)
    try body()
    try launch.end.record(on: stream)
    launches.append(launch)
  }

  /// Seconds and launches of each kernel, the longest first; waits for all of them.
  func times() throws(CUDAError) -> [KernelTime] {
    try stream.synchronize()
    var times: [String: KernelTime] = [:]
    for launch in launches {
      let seconds = try launch.end.seconds(since: launch.start)
      times[launch.name, default: KernelTime(name: launch.name)].add(seconds)
    }
    return times.values.sorted { ($1.seconds, $0.name) < ($0.seconds, $1.name) }
  }
}

/// What all launches of a kernel took.
package struct KernelTime: Hashable, Sendable {
  /// `normForward`; of a product its size and types.
  package let name: String
  package private(set) var seconds = 0.0
  package private(set) var launchCount = 0

  fileprivate init(name: String) {
    self.name = name
  }

  fileprivate mutating func add(_ seconds: Double) {
    self.seconds += seconds
    launchCount += 1
  }
}
