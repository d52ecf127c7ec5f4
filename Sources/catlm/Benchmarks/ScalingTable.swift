import Benchmarks
import JSON
import Parallel
import Telemetry

/// How rounds of ``ScalingBenchmark`` are printed. Rates are tokens a second of all ranks.
struct ScalingTable {
  private let work: WorkloadOptions
  private let products: PrecisionOption
  private let rankCount: Int
  private let threadCount: Int
  private let isOverlapped: Bool
  var rounds: [ScalingRound] = []

  init(
    _ work: WorkloadOptions, _ products: PrecisionOption, group: any ProcessGroup, threadCount: Int,
    isOverlapped: Bool
  ) {
    self.work = work
    self.products = products
    rankCount = group.size
    self.threadCount = threadCount
    self.isOverlapped = isOverlapped
  }

  static let head = "together   apart  efficiency  at the slowest's pace  exposed"

  var lastLine: String {
    guard let round = rounds.last else { return "" }
    return Format.fixed(round.together, digits: 0).padded(to: 8) + Format.fixed(round.apart, digits: 0).padded(to: 8)
      + Format.fixed(round.efficiency, digits: 3).padded(to: 12)
      + Format.fixed(round.together / round.apartAtSlowestPace, digits: 3).padded(to: 23)
      + Format.fixed(round.exposedShare, digits: 3).padded(to: 9)
  }

  var summary: String {
    let ranks = rankCount == 1 ? "1 rank" : "\(rankCount) ranks"
    return "\(ranks), \(products.text), median of \(rounds.count): "
      + "efficiency \(Format.fixed(median(\.efficiency), digits: 3)), "
      + "at the slowest's pace \(Format.fixed(medianAtSlowestPace, digits: 3)); "
      + "fastest quarters: \(Format.fixed(fastest(\.together), digits: 0)) together, "
      + "\(Format.fixed(fastest(\.apart), digits: 0)) apart, efficiency "
      + Format.fixed(fastest(\.together) / fastest(\.apart), digits: 3)
  }

  var json: String {
    let object: JSONValue = [
      "size": .text(work.size.rawValue), "model": .text(work.model.rawValue), "chunk_size": .integer(work.chunkSize),
      "micro_batches": .integer(work.microBatches), "ranks": .integer(rankCount), "threads": .integer(threadCount),
      "precision": .text(products.precision.rawValue), "overlap": .flag(isOverlapped), "rounds": .integer(rounds.count),
      "together_tokens_per_second": .number(median(\.together)), "apart_tokens_per_second": .number(median(\.apart)),
      "efficiency": .number(median(\.efficiency)), "efficiency_at_slowest_pace": .number(medianAtSlowestPace),
      "fastest_together_tokens_per_second": .number(fastest(\.together)),
      "fastest_apart_tokens_per_second": .number(fastest(\.apart)),
      "fastest_efficiency": .number(fastest(\.together) / fastest(\.apart)),
      "exposed_share": .number(median(\.exposedShare)),
    ]
    return object.json(pretty: false)
  }

  private var medianAtSlowestPace: Double {
    rounds.map { $0.together / $0.apartAtSlowestPace }.median
  }

  private func median(_ value: (ScalingRound) -> Double) -> Double {
    rounds.map(value).median
  }

  /// Mean over the fastest quarter of the rounds.
  private func fastest(_ rate: (ScalingRound) -> Double) -> Double {
    let chosen = rounds.map(rate).sorted(by: >).prefix(max(1, rounds.count / 4))
    return chosen.reduce(0, +) / Double(chosen.count)
  }
}
