import Evaluation
import Foundation
import Settings
import Telemetry

/// How an evaluation is printed: one line a chunk size.
enum EvaluationTable {
  static let header = "chunk size     loss  accuracy   tokens/s  cache bytes a sequence"

  struct Row {
    /// Nil for a model without chunks.
    let chunkSize: Int?
    let result: EvaluationResult
    let cacheBytes: Int
    let parameterCount: Int
    /// Steps that the model was trained for; nil if the checkpoint does not say.
    let step: Int?
    /// What it was measured on.
    let source: String
    /// Tokens of the longest sample.
    let context: Int

    var text: String {
      let size = (chunkSize.map(String.init) ?? "–").padded(to: 10)
      let loss = Format.fixed(result.loss, digits: 4).padded(to: 9)
      let accuracy = Format.fixed(result.accuracy, digits: 4).padded(to: 10)
      let rate = String(Int(result.tokensPerSecond)).padded(to: 11)
      return size + loss + accuracy + rate + String(cacheBytes).padded(to: 24)
    }

    var object: Setting {
      [
        "chunk_size": chunkSize.map(Setting.integer) ?? .null, "loss": .number(result.loss),
        "accuracy": .number(result.accuracy), "targets": .integer(result.targetCount),
        "tokens_per_second": .number(result.tokensPerSecond), "cache_bytes": .integer(cacheBytes),
        "parameters": .integer(parameterCount), "perplexity": .number(exp(result.loss)),
        "step": step.map(Setting.integer) ?? .null, "source": .text(source), "context": .integer(context),
      ]
    }
  }
}
