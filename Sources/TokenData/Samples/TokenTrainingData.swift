internal import Randomness

/// Windows of token shards in an order that a key gives, another one in each pass; of several sources, in the shares that
/// their weights say, each source with passes of its own.
package struct TokenTrainingData: TrainingData {
  package let vocabularySize: Int?
  private let parts: [Part]
  private let cycle: MixtureCycle
  private let seed: UInt64

  /// A source and its windows.
  private struct Part: Sendable {
    let source: DataSource
    let dataset: TokenDataset
  }

  /// - Parameter vocabularySize: that of the tokenizer, where known.
  package init(dataset: TokenDataset, seed: UInt64, vocabularySize: Int?) {
    let source = DataSource(paths: dataset.shards.map(\.path))
    guard let cycle = MixtureCycle(weights: [source.weight]) else { preconditionFailure("one source has one share") }
    self.init([Part(source: source, dataset: dataset)], cycle, seed: seed, vocabularySize: vocabularySize)
  }

  /// - Parameters:
  ///   - sources: not empty.
  ///   - key: what names the list of sources in messages.
  /// - Throws: ``TokenError`` for a source that cannot be used, and for weights that no short cycle can hold.
  package init(
    _ sources: [DataSource], key: String, context: Int, seed: UInt64, vocabularySize: Int?, cut: DocumentCut? = nil
  ) throws(TokenError) {
    guard sources.count <= MixtureCycle.sourceLimit else {
      throw TokenError(file: key, found: "\(sources.count) sources", allowed: "at most \(MixtureCycle.sourceLimit)")
    }
    guard let cycle = MixtureCycle(weights: sources.map(\.weight)) else {
      throw TokenError(
        file: key, found: "weights \(sources.map { "\($0.weight)" }.joined(separator: ", "))",
        allowed: "weights whose ratios hold in \(MixtureCycle.limit) samples: numbers with fewer digits")
    }
    var parts: [Part] = []
    for (number, source) in sources.enumerated() {
      do {
        let dataset = try TokenDataset(
          paths: source.paths, context: context, split: .training, format: source.format, cut: cut)
        parts.append(Part(source: source, dataset: dataset))
      } catch {
        throw error.named(by: "\(key)[\(number)].path")
      }
    }
    self.init(parts, cycle, seed: seed, vocabularySize: vocabularySize)
  }

  private init(_ parts: [Part], _ cycle: MixtureCycle, seed: UInt64, vocabularySize: Int?) {
    self.parts = parts
    self.cycle = cycle
    self.seed = seed
    self.vocabularySize = vocabularySize
  }

  package var samplesPerEpoch: Int? { parts.count == 1 ? parts[0].dataset.sampleCount : nil }
  package var tokenCount: Int? { parts.reduce(0) { $0 + $1.dataset.tokenCount } }
  package var sources: [SourceSummary] {
    zip(parts, cycle.shares).map { part, share in
      SourceSummary(
        name: part.source.name, share: Double(share) / Double(cycle.count), sampleCount: part.dataset.sampleCount,
        tokenCount: part.dataset.tokenCount, shards: part.dataset.shards, documents: part.dataset.documents)
    }
  }
  package var mostSequences: Int { parts.map(\.dataset.mostSequences).max() ?? 1 }

  package func batch(step: Int, globalBatch: Int, samples: Range<Int>) -> TokenBatch {
    precondition(
      samples.lowerBound >= 0 && samples.upperBound <= globalBatch, "batch: samples \(samples) of \(globalBatch)")
    var stretches = TokenStretches(reserving: samples.count * parts[0].dataset.context)
    var orders: [(epoch: Int, order: KeyedPermutation)?] = parts.map { _ in nil }
    for sample in samples {
      let (source, before) = cycle[step * globalBatch + sample]
      let dataset = parts[source].dataset
      let (epoch, place) = before.quotientAndRemainder(dividingBy: dataset.sampleCount)
      let order: KeyedPermutation
      if let known = orders[source], known.epoch == epoch {
        order = known.order
      } else {
        order = KeyedPermutation(count: dataset.sampleCount, seed: seed, epoch: epoch, source: source)
        orders[source] = (epoch, order)
      }
      dataset.append(window: order[place], to: &stretches)
    }
    return stretches.batch
  }

  /// Of several sources, which have no common pass, the number of samples before the step.
  package func cursor(step: Int, globalBatch: Int) -> (epoch: Int, index: Int) {
    guard let samplesPerEpoch else { return (0, step * globalBatch) }
    let (epoch, index) = (step * globalBatch).quotientAndRemainder(dividingBy: samplesPerEpoch)
    return (epoch, index)
  }

  package func requireIDs(below vocabularySize: Int) throws(TokenError) {
    for part in parts { try part.dataset.requireIDs(below: vocabularySize) }
  }
}
