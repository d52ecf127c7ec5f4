package import Parallel
package import TensorCore

/// What the ranks tell each other in a training step: sums of gradients, bucket by bucket as they become final, and
/// with a sharded optimizer the weights that each rank has updated.
///
/// It decides which stretch travels when. How, and whether the backward pass goes on meanwhile, is the business of its
/// ``Collectives``.
package final class GradientExchange {
  let group: any ProcessGroup
  let isSharded: Bool
  let collectives: any Collectives
  private let plan: BucketPlan
  private let wire: WireFormat
  private let parameters: ParameterStore
  private let gradients: Tensor

  private var countdown: BucketCountdown
  private let clock = ContinuousClock()
  private var countTime = Duration.zero

  /// - Parameters:
  ///   - collectives: among the ranks of `group`; the exchange closes them.
  ///   - isSharded: whether each rank gets the sums of its own part of each bucket alone.
  package init(
    _ parameters: ParameterStore, plan: BucketPlan, group: any ProcessGroup, collectives: any Collectives,
    isSharded: Bool = false, wire: WireFormat = .float32
  ) {
    guard let gradients = parameters.gradients else { preconditionFailure("exchange: parameters without gradients") }
    precondition(plan.count == parameters.count, "exchange: \(plan.count) of \(parameters.count) parameters")
    self.parameters = parameters
    self.gradients = gradients
    self.plan = plan
    self.group = group
    self.collectives = collectives
    self.isSharded = isSharded && group.size > 1
    self.wire = wire
    countdown = BucketCountdown(plan, writes: [])
  }

  /// Which way sums of gradients take.
  var route: SumRoute { collectives.route }

  /// Gives back what the system holds for it. All ranks call it, after the last step.
  package func close() throws(ParallelError) {
    try collectives.close()
  }

  /// The communication since this was last asked for.
  func takeTime() -> CommunicationTime {
    var time = collectives.takeTime()
    time.total += countTime
    time.exposed += countTime
    countTime = .zero
    return time
  }

  /// Sums counts of the host.
  func allReduce(_ values: inout [Int]) throws(ParallelError) {
    let start = clock.now
    try group.allReduce(.sum, &values)
    countTime += clock.now - start
  }

  /// Sums numbers of the step that are in the backend's memory; the backend's further work sees the sums.
  func allReduce(_ numbers: Tensor) throws(ParallelError) {
    collectives.allReduce(numbers, wire: .float32, after: event)
    try collectives.join()
  }

  // MARK: Gradients

  /// Begins a step's last backward pass; ranks without samples have none.
  ///
  /// - Parameter writes: what the pass has yet to add to the gradients.
  func begin(writes: [Range<Int>]) {
    countdown = BucketCountdown(plan, writes: writes)
    sendFinalBuckets()
  }

  /// Says that the backend was asked for one of the writes.
  func finish(_ write: Range<Int>) {
    countdown.finish(write)
    sendFinalBuckets()
  }

  /// From here on the backend finds sums over all ranks in the gradients; with a sharded optimizer in those of the owned
  /// weights.
  func finishGradients() throws(ParallelError) {
    try collectives.join()
  }

  private func sendFinalBuckets() {
    while let bucket = countdown.takeNext() {
      let values = gradients.rows(plan.range(bucket))
      if isSharded {
        let shares = plan.shares(bucket, rankCount: group.size)
        collectives.reduceScatter(values, shares: shares, wire: wire, after: event)
      } else {
        collectives.allReduce(values, wire: wire, after: event)
      }
    }
  }

  // MARK: Weights

  /// Gives every rank the weights that the others have updated; nothing to do where every rank updates all.
  func shareWeights() throws(ParallelError) {
    guard isSharded else { return }
    let event = event
    for bucket in 0..<plan.bucketCount {
      let shares = plan.shares(bucket, rankCount: group.size)
      collectives.allGather(parameters.weights.rows(plan.range(bucket)), shares: shares, after: event)
    }
    try collectives.join()
  }

  private var event: any MemoryEvent { gradients.storage.memory.recordEvent() }
}
