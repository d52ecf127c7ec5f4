package import Parallel
package import TensorCore

/// How long communication took on one rank.
package struct CommunicationTime: Hashable, Sendable {
  /// In calls to the other ranks, whether or not the rank computed meanwhile.
  package var total = Duration.zero
  /// The part of it that the rank waited for.
  package var exposed = Duration.zero

  package init() {}
}

/// What the ranks tell each other in a training step: sums of gradients, bucket by bucket as they become final, and
/// with a sharded optimizer the weights that each rank has updated.
///
/// Calls and their order are the same whether they overlap with the backward pass or follow it, so the results are the
/// same to the bit.
package final class GradientExchange {
  let group: any ProcessGroup
  let isSharded: Bool
  private let plan: BucketPlan
  private let wire: WireFormat
  private let parameters: ParameterStore
  private let gradients: Tensor
  /// The group of the buckets' calls: they may be made by another thread than the others.
  private let channel: any ProcessGroup
  /// Which way sums of gradients take.
  let route: SumRoute
  /// Nil: the buckets are sent when the backward pass is over.
  private let thread: CommunicationThread?

  private var countdown: BucketCountdown
  private var postponed: [Int] = []
  private let clock = ContinuousClock()
  /// Written by whoever makes the buckets' calls, read when they are over.
  private var bucketTime = Duration.zero
  private var otherTime = Duration.zero
  private var exposedTime = Duration.zero

  /// All ranks make theirs together.
  ///
  /// - Parameters:
  ///   - isOverlapped: whether a thread of its own sends buckets during the backward pass.
  ///   - sharesMemory: whether sums of ranks that are all on one machine go through its memory instead of MPI.
  package init(
    _ parameters: ParameterStore, plan: BucketPlan, group: any ProcessGroup, isSharded: Bool = false,
    wire: WireFormat = .float32, isOverlapped: Bool = false, sharesMemory: Bool = true
  ) throws(ParallelError) {
    guard let gradients = parameters.gradients else { preconditionFailure("exchange: parameters without gradients") }
    precondition(plan.count == parameters.count, "exchange: \(plan.count) of \(parameters.count) parameters")
    self.parameters = parameters
    self.gradients = gradients
    self.plan = plan
    self.group = group
    self.isSharded = isSharded && group.size > 1
    self.wire = wire
    group.allowSharedMemory(sharesMemory)
    let hasThread = isOverlapped && group.size > 1
    channel = hasThread ? try group.duplicate() : group
    route = try channel.openSharedMemory()
    thread = hasThread ? CommunicationThread() : nil
    countdown = BucketCountdown(plan, writes: [])
  }

  /// Gives back what MPI holds for it. All ranks call it, after the last step.
  package func close() throws(ParallelError) {
    if thread != nil { try channel.finish() }
  }

  /// The communication since this was last asked for.
  func takeTime() -> CommunicationTime {
    var time = CommunicationTime()
    time.total = bucketTime + otherTime
    time.exposed = exposedTime
    (bucketTime, otherTime, exposedTime) = (.zero, .zero, .zero)
    return time
  }

  // MARK: Sums that the step waits for

  func sum(_ values: inout [Int]) throws(ParallelError) {
    try waiting { () throws(ParallelError) in try group.sum(&values) }
  }

  /// Sums a few numbers of float64 that are in the backend's memory.
  func sum(_ numbers: Tensor) throws(ParallelError) {
    guard group.size > 1 else { return }
    try waiting { () throws(ParallelError) in
      var values = numbers.doubles
      try group.sum(&values)
      numbers.assign(doubles: values)
    }
  }

  // MARK: Gradients

  /// Begins a step's last backward pass; ranks without samples have none.
  ///
  /// - Parameter writes: what the pass has yet to add to the gradients.
  func begin(writes: [Range<Int>]) {
    countdown = BucketCountdown(plan, writes: writes)
    sendFinalBuckets()
  }

  /// Says that one of the writes is done.
  func finish(_ write: Range<Int>) {
    countdown.finish(write)
    sendFinalBuckets()
  }

  /// Returns when the gradients are sums over all ranks; with a sharded optimizer those of the owned weights.
  func finishGradients() throws(ParallelError) {
    let start = clock.now
    if let thread {
      try thread.wait()
    } else {
      for bucket in postponed { try reduce(bucket) }
      postponed.removeAll(keepingCapacity: true)
    }
    exposedTime += clock.now - start
  }

  private func sendFinalBuckets() {
    while let bucket = countdown.takeNext() {
      if let thread {
        thread.enqueue { [self] () throws(ParallelError) in try reduce(bucket) }
      } else {
        postponed.append(bucket)
      }
    }
  }

  private func reduce(_ bucket: Int) throws(ParallelError) {
    let start = clock.now
    try gradients.rows(plan.range(bucket)).withUpdateView { (bytes) throws(ParallelError) in
      let values = unsafe bytes.bindMemory(to: Float.self)
      if isSharded {
        try unsafe channel.reduceScatter(values, ranges: plan.shares(bucket, rankCount: group.size), wire: wire)
      } else {
        try unsafe channel.sum(values, wire: wire)
      }
    }
    bucketTime += clock.now - start
  }

  // MARK: Weights

  /// Gives every rank the weights that the others have updated; nothing to do where every rank updates all.
  func shareWeights() throws(ParallelError) {
    guard isSharded else { return }
    try waiting { () throws(ParallelError) in
      for bucket in 0..<plan.bucketCount {
        try parameters.weights.rows(plan.range(bucket)).withUpdateView { (bytes) throws(ParallelError) in
          let values = unsafe bytes.bindMemory(to: Float.self)
          try unsafe channel.allGather(values, ranges: plan.shares(bucket, rankCount: group.size))
        }
      }
    }
  }

  private func waiting(_ call: () throws(ParallelError) -> Void) throws(ParallelError) {
    let start = clock.now
    try call()
    let elapsed = clock.now - start
    otherTime += elapsed
    exposedTime += elapsed
  }
}
