package import MemoryPlans
internal import Models
internal import Parallel
package import TensorCore
internal import Training

/// Times single training steps of growing contexts and of several chunk sizes, with the same number of samples in all.
package struct CostBenchmark {
  private let size: BenchmarkSize
  /// Samples of every step.
  private let sampleCount: Int
  /// Steps of each point, at most.
  private let stepCount: Int
  /// Seconds after which a point gets no further step.
  private let patience: Double
  private let makeBackend: () -> any Backend
  private let room: MemoryRoom

  /// Fewest contexts that a curve is fitted to.
  private static let fewestContexts = 3

  /// - Parameters:
  ///   - room: what is left for it; nothing is refused where that is not known.
  ///   - makeBackend: makes the backend of a point; its memory goes with it.
  package init(
    _ size: BenchmarkSize, sampleCount: Int, stepCount: Int, patience: Double, room: MemoryRoom = MemoryRoom(),
    makeBackend: @escaping () -> any Backend
  ) {
    self.room = room
    self.size = size
    self.sampleCount = sampleCount
    self.stepCount = stepCount
    self.patience = patience
    self.makeBackend = makeBackend
  }

  /// - Parameters:
  ///   - contexts: ascending; measured at `chunkSize`.
  ///   - chunkSizes: measured at the size's own context.
  ///   - includesDense: whether a dense step follows each step of a context.
  ///   - report: told of each point that is done.
  package func run(
    contexts: [Int], chunkSize: Int, chunkSizes: [Int], includesDense: Bool, report: (CostPoint) -> Void
  ) throws -> CostReport {
    var (cat, dense): ([CostPoint], [CostPoint]) = ([], [])
    var leftOut: [String] = []
    func measure(_ context: Int, _ chunkSize: Int?, into points: inout [CostPoint]) throws {
      let workload = try self.workload(context: context, chunkSize: chunkSize)
      if let last = points.last, !fits(workload, after: last) {
        leftOut.append("\(chunkSize == nil ? "dense" : "cat") at context \(context)")
        return
      }
      points.append(try self.point(workload, chunkSize: chunkSize))
      if let point = points.last { report(point) }
    }
    for context in contexts {
      try measure(context, chunkSize, into: &cat)
      if includesDense { try measure(context, nil, into: &dense) }
    }
    var byChunkSize: [CostPoint] = []
    for chunkSize in chunkSizes { try measure(size.context, chunkSize, into: &byChunkSize) }
    return CostReport(
      contexts: CostCurve("cat, chunk size \(chunkSize)", cat),
      chunkSizes: CostCurve("cat, context \(size.context)", byChunkSize), dense: CostCurve("dense", dense),
      leftOut: leftOut)
  }

  private func workload(context: Int, chunkSize: Int?) throws -> TrainWorkload {
    TrainWorkload(
      config: chunkSize == nil ? size.dense(context: context) : size.cat(context: context),
      sampleCount: sampleCount, context: context, chunkSize: chunkSize ?? 1)
  }

  /// Refuses contexts of which too few have room, and chunk sizes if one has none.
  ///
  /// - Parameters:
  ///   - contexts: ascending.
  ///   - makePlanner: gives a backend that computes nothing, new each time.
  package func requireRoom(contexts: [Int], chunkSize: Int, chunkSizes: [Int], makePlanner: () -> any Backend) throws {
    var points = contexts.prefix(Self.fewestContexts).suffix(1).map { (context: $0, chunkSize: chunkSize) }
    points += chunkSizes.map { (size.context, $0) }
    for point in points {
      try workload(context: point.context, chunkSize: point.chunkSize).requireRoom(
        room, group: SoloGroup(), partners: SoloGroup(),
        settings: ParallelConfig(), makeBackend: makePlanner)
    }
  }

  /// Whether memory holds a step whose activations are as many times those of another as its tokens.
  private func fits(_ workload: TrainWorkload, after last: CostPoint) -> Bool {
    let growth = Double(workload.tokenCount) / Double(last.tokenCount)
    return Double(last.tensorBytes) * max(1, growth) < 0.95 * Double(availableMemoryBytes())
  }

  private func point(_ workload: TrainWorkload, chunkSize: Int?) throws -> CostPoint {
    let start = ContinuousClock.now
    let benchmark = try TrainBenchmark(workload, backend: makeBackend())
    let first = try benchmark.run(warmup: 1, steps: 1, startingWith: SoloGroup())
    var seconds = first.stepSeconds
    while seconds.count < stepCount, (ContinuousClock.now - start) / .seconds(1) < patience {
      seconds += try benchmark.run(warmup: 0, steps: 1, startingWith: SoloGroup()).stepSeconds
    }
    try benchmark.finish()
    return CostPoint(
      context: workload.context, chunkSize: chunkSize, sampleCount: workload.sampleCount,
      productOperations: ModelCost.trainingFactor * workload.cost.productOperations,
      attentionOperations: ModelCost.trainingFactor * workload.cost.attentionOperations,
      seconds: seconds.min() ?? .nan, tensorBytes: first.tensorBytes)
  }
}
