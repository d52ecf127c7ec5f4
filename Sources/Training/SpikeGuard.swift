/// Tells losses that stand out from those of the steps before at the same chunk sizes.
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

  /// Whether a finite loss stands out; takes note of it. None does before the window is full.
  mutating func isSpike(_ loss: Double, chunkSizes: [Int]) -> Bool {
    guard let threshold else { return false }
    let key = chunkSizes.map(String.init).joined(separator: ",")
    let before = losses[key, default: []]
    losses[key] = (before + [loss]).suffix(window)
    guard before.count >= window else { return false }
    let count = Double(before.count)
    let mean = before.reduce(0, +) / count
    let variance = before.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count
    return loss > mean + threshold * variance.squareRoot()
  }
}
