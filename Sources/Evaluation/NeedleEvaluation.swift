internal import Generation
package import Models
package import Parallel
package import TensorCore
package import Tokenizers

/// How often a model finds the needle at one length and depth.
package struct NeedleResult: Sendable {
  /// Tokens of prompt and answer.
  package let length: Int
  /// Share of the haystack before the needle.
  package let depth: Double
  package let sampleCount: Int
  package internal(set) var foundCount = 0

  package var recall: Double { Double(foundCount) / Double(sampleCount) }
}

/// Needles in haystacks, answered by greedy decoding with the cache; the ranks of a group share the samples.
package struct NeedleEvaluation {
  private let task: NeedleTask
  private let generator: Generator
  private let tokenizer: any Tokenizer
  private let work: SharedWork
  /// One for each batch.
  private let pieces: [(cell: Int, samples: Range<Int>)]
  private let cells: [NeedleResult]

  /// - Parameters:
  ///   - lengths: tokens of prompt and answer, at least the task's least and at most the model's longest.
  ///   - depths: each in `0 ... 1`.
  ///   - sampleCount: of each length and depth.
  ///   - batchSize: prompts that are answered at a time.
  package init(
    _ task: NeedleTask, model: any LanguageModel, tokenizer: any Tokenizer, backend: any Backend,
    group: any ProcessGroup, lengths: [Int], depths: [Double], sampleCount: Int, batchSize: Int
  ) {
    self.task = task
    self.tokenizer = tokenizer
    generator = Generator(model: model, backend: backend, sampling: SamplingSettings())
    work = SharedWork(in: group)
    cells = lengths.flatMap { length in
      depths.map { NeedleResult(length: length, depth: $0, sampleCount: sampleCount) }
    }
    pieces = cells.indices.flatMap { cell in
      stride(from: 0, to: sampleCount, by: batchSize).map { (cell, $0..<min($0 + batchSize, sampleCount)) }
    }
  }

  package var batchCount: Int { pieces.count }

  /// What was found, and how fast answers were written.
  package struct Outcome: Sendable {
    /// One for each length and depth, depths of a length side by side.
    package let results: [NeedleResult]
    /// New tokens a second of all sequences of a batch, from the second token of an answer on, on one rank.
    package let tokensPerSecond: Double
  }

  /// Answers all samples at `chunkSize`. All ranks call it.
  ///
  /// - Parameter onBatch: called after each batch of this rank with the number of its tokens.
  /// - Throws: ``GenerationError`` if a logit is not finite.
  package func run(chunkSize: Int, onBatch: (Int) -> Void = { _ in }) throws -> Outcome {
    let found = try work.numbers(count: pieces.count, width: 3) { index in
      let (cell, samples) = (cells[pieces[index].cell], pieces[index].samples)
      let asked = samples.map { task.sample($0, length: cell.length, depth: cell.depth) }
      let answers = try generator.generate(asked.map(\.prompt), count: task.answerCount, chunkSize: chunkSize)
      let foundCount = zip(asked, answers.tokens).count { sample, ids in
        NeedleTask.isAnswer(tokenizer.continuation(of: sample.prompt, by: ids), sample.value)
      }
      onBatch(samples.count * cell.length)
      let laterCount = answers.tokens.reduce(0) { $0 + $1.count - 1 }
      return [Double(foundCount), Double(laterCount), answers.decodeTime / .seconds(1)]
    }.pieces
    var results = cells
    for (piece, numbers) in zip(pieces, found) { results[piece.cell].foundCount += Int(numbers[0]) }
    let total = found.reduce(into: (tokens: 0.0, seconds: 0.0)) {
      $0.tokens += $1[1]
      $0.seconds += $1[2]
    }
    return Outcome(results: results, tokensPerSecond: total.tokens / total.seconds)
  }
}
