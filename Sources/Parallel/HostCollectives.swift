package import TensorCore

/// ``Collectives`` over the host's memory: what a backend has elsewhere is copied there and back.
///
/// With overlap a thread of its own makes the calls as they come, in a group of its own; without, ``join()`` makes them, so
/// that ranks wait for each other once. Calls and their order are the same, so the results are the same to the bit.
package final class HostCollectives: Collectives {
  package let route: SumRoute
  private let size: Int
  private let channel: any HostGroup
  /// Nil: ``join()`` makes the calls.
  private let thread: CommunicationThread?
  private var postponed: [CommunicationThread.Call] = []
  private let clock = ContinuousClock()
  /// Written by whoever makes the calls, read when they are over.
  private var callTime = Duration.zero
  private var exposedTime = Duration.zero
  package var observer: CallObserver?

  /// All ranks make theirs together.
  package init(_ group: any HostGroup, _ settings: CollectivesSettings) throws(ParallelError) {
    size = group.size
    group.allowSharedMemory(settings.sharesMemory)
    let hasThread = settings.isOverlapped && group.size > 1
    channel = hasThread ? try group.duplicate() : group
    route = try channel.openSharedMemory()
    thread = hasThread ? CommunicationThread() : nil
  }

  package func allReduce(_ values: Tensor, wire: WireFormat, after event: any MemoryEvent) {
    call("allReduce", values, after: event) { [channel] () throws(ParallelError) in
      guard values.dtype == .float64 else {
        return try unsafe values.withFloats { (floats) throws(ParallelError) in
          try unsafe channel.allReduce(floats, wire: wire)
        }
      }
      try unsafe values.withUpdateView { (bytes) throws(ParallelError) in
        let place = unsafe bytes.bindMemory(to: Double.self)
        var doubles = unsafe Array(place)
        try channel.allReduce(.sum, &doubles)
        for (index, sum) in doubles.enumerated() { unsafe place[index] = sum }
      }
    }
  }

  package func reduceScatter(
    _ values: Tensor, shares: [Range<Int>], wire: WireFormat, after event: any MemoryEvent
  ) {
    call("reduceScatter", values, after: event) { [channel] () throws(ParallelError) in
      try unsafe values.withFloats { (floats) throws(ParallelError) in
        try unsafe channel.reduceScatter(floats, ranges: shares, wire: wire)
      }
    }
  }

  package func allGather(_ values: Tensor, shares: [Range<Int>], after event: any MemoryEvent) {
    call("allGather", values, after: event) { [channel] () throws(ParallelError) in
      try unsafe values.withFloats { (floats) throws(ParallelError) in
        try unsafe channel.allGather(floats, ranges: shares)
      }
    }
  }

  package func broadcast(_ values: Tensor, from root: Int, after event: any MemoryEvent) {
    call("broadcast", values, after: event) { [channel] () throws(ParallelError) in
      try unsafe values.withUpdateView { (bytes) throws(ParallelError) in
        try unsafe channel.broadcast(bytes, from: root)
      }
    }
  }

  private func call(
    _ name: String, _ values: Tensor, after event: any MemoryEvent, _ body: @escaping CommunicationThread.Call
  ) {
    guard size > 1 else { return }
    let byteCount = values.count * values.dtype.byteCount
    let timed: CommunicationThread.Call = { [self] () throws(ParallelError) in
      event.wait()
      let start = clock.now
      try body()
      let end = clock.now
      callTime += end - start
      observer?(name, byteCount, start, end)
    }
    if let thread { thread.enqueue(timed) } else { postponed.append(timed) }
  }

  package func join() throws(ParallelError) {
    guard size > 1 else { return }
    let start = clock.now
    if let thread {
      try thread.wait()
    } else {
      defer { postponed.removeAll(keepingCapacity: true) }
      for call in postponed { try call() }
    }
    exposedTime += clock.now - start
  }

  package func takeTime() -> CommunicationTime {
    var time = CommunicationTime()
    (time.total, time.exposed) = (callTime, exposedTime)
    (callTime, exposedTime) = (.zero, .zero)
    return time
  }

  package func close() throws(ParallelError) {
    if thread != nil { try channel.finish() }
  }
}

extension Tensor {
  /// Lends the values, of float32, to be read and written on the host.
  fileprivate func withFloats(
    _ body: (UnsafeMutableBufferPointer<Float>) throws(ParallelError) -> Void
  ) throws(ParallelError) {
    precondition(dtype == .float32, "collectives: \(shape) of \(dtype)")
    try unsafe withUpdateView { (bytes) throws(ParallelError) in try unsafe body(bytes.bindMemory(to: Float.self)) }
  }
}
