internal import Foundation
package import Models
package import TensorCore
package import TokenData

/// What an evaluation at one chunk size found; parts over different batches add up.
package struct EvaluationResult: Sendable {
  package var lossSum = 0.0
  package var targetCount = 0
  package var correctCount = 0
  /// Tokens that went in.
  package var tokenCount = 0
  package var seconds = 0.0
  /// Bytes of the targets' text; 0 where nobody knows.
  package var byteCount = 0
  /// The part of ``lossSum`` that is of targets with text.
  package var textLossSum = 0.0

  package init() {}

  /// Mean cross-entropy in nats a target.
  package var loss: Double { lossSum / Double(targetCount) }
  /// Share of targets that are the most likely token.
  package var accuracy: Double { Double(correctCount) / Double(targetCount) }
  package var tokensPerSecond: Double { Double(tokenCount) / seconds }
  /// Mean cross-entropy in bits a byte of text; nil where nobody knows how long the text is.
  package var bitsPerByte: Double? { byteCount > 0 ? textLossSum / log(2) / Double(byteCount) : nil }

  /// What several parts found together.
  package static func + (a: Self, b: Self) -> Self {
    var sum = Self(numbers: zip(a.numbers, b.numbers).map(+))
    sum.seconds = a.seconds + b.seconds
    return sum
  }
}

extension EvaluationResult {
  static let numberCount = 6

  /// All but the time, as ranks send it to each other.
  var numbers: [Double] {
    [lossSum, Double(targetCount), Double(correctCount), Double(tokenCount), Double(byteCount), textLossSum]
  }

  init(numbers: [Double]) {
    (lossSum, targetCount, correctCount) = (numbers[0], Int(numbers[1]), Int(numbers[2]))
    (tokenCount, byteCount, textLossSum) = (Int(numbers[3]), Int(numbers[4]), numbers[5])
  }
}

/// Loss and accuracy of a model on held-out data.
package struct Evaluator {
  private let model: any LanguageModel
  private let backend: any Backend

  package init(model: any LanguageModel, backend: any Backend) {
    self.model = model
    self.backend = backend
  }

  /// Runs the batches `indices` of `data` at `chunkSize`.
  ///
  /// - Parameter onBatch: called after each batch with the number of its tokens.
  package func evaluate(
    _ data: any ValidationData, indices: [Int], chunkSize: Int, onBatch: (Int) -> Void = { _ in }
  ) -> EvaluationResult {
    var result = EvaluationResult()
    // Loss and correct predictions, read when all batches are through.
    let totals = Tensor(doubles: [0, 0], pool: backend.pool)
    let clock = ContinuousClock()
    let elapsed = clock.measure {
      for index in indices {
        let batch = data.batch(index)
        add(batch, chunkSize: chunkSize, to: &result, totals)
        onBatch(batch.inputs.count)
      }
      let found = totals.doubles
      (result.lossSum, result.correctCount) = (found[0], Int(found[1]))
    }
    result.seconds = elapsed / .seconds(1)
    return result
  }

  private func add(_ batch: TokenBatch, chunkSize: Int, to result: inout EvaluationResult, _ totals: Tensor) {
    // Documents of one token leave nothing.
    guard batch.targetCount > 0 else { return }
    let head = model.loss(
      ids: batch.inputs, targets: batch.targets, lengths: batch.lengths, chunkSize: chunkSize, gradientScale: 1,
      countsCorrect: true, tape: Tape(backend: backend, isRecording: false))
    backend.add(head.totals, to: totals)
    result.targetCount += head.rowCount
    result.tokenCount += batch.inputs.count
  }
}
