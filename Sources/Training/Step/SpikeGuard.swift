/// Tells above which loss a step stands out from those before it at the same chunk sizes.
///
/// Losses that stood out count among those before, too: a level that lasts is accepted after some steps.
struct SpikeGuard {
  /// Standard deviations above the mean at which a loss stands out; nil: none does.
  private let threshold: Double?
  private let window: Int
  /// The latest losses, oldest first, by the chunk sizes of their steps.
  private(set) var losses: [String: [Double]]

  init(_ config: TrainConfig, losses: [String: [Double]]) {
    threshold = config.spikeThreshold
    window = config.spikeWindow
    self.losses = threshold == nil ? [:] : losses.mapValues { $0.suffix(config.spikeWindow) }
  }

  /// A finite loss of a step at these chunk sizes stands out if it is larger. Infinity before the window is full.
  func limit(chunkSizes: [Int]) -> Double {
    let before = losses[key(chunkSizes), default: []]
    guard let threshold, before.count >= window else { return .infinity }
    let count = Double(before.count)
    let mean = before.reduce(0, +) / count
    let variance = before.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count
    return mean + threshold * variance.squareRoot()
  }

  /// Takes note of a finite loss, whether or not it stood out.
  mutating func note(_ loss: Double, chunkSizes: [Int]) {
    guard threshold != nil else { return }
    let key = key(chunkSizes)
    losses[key] = (losses[key, default: []] + [loss]).suffix(window)
  }

  private func key(_ chunkSizes: [Int]) -> String { chunkSizes.map(String.init).joined(separator: ",") }
}
