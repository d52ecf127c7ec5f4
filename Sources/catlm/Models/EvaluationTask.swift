import Evaluation
import Foundation
import JSON
import Models
import Telemetry
import TokenData

/// Something that `catlm evaluate` measures, ready to run at any chunk size.
protocol EvaluationTask {
  /// Its name in results.
  var name: String { get }
  /// What it is measured on: `validation`, a task, or the path that the options name.
  var source: String { get }
  /// Tokens of the longest sequence.
  var length: Int { get }
  /// What is measured and how, in a line.
  var caption: String { get }
  /// Heads of the table's columns, but for the chunk size.
  var columns: [String] { get }
  /// Batches of all ranks together at one chunk size.
  var batchCount: Int { get }
  /// Sequences of the largest batch.
  var batchSize: Int { get }

  /// Runs at a chunk size. All ranks call it.
  ///
  /// - Parameters:
  ///   - cacheBytes: what generation keeps for a sequence of the task's length.
  ///   - onBatch: called after each batch of this rank with the number of its tokens.
  func measure(chunkSize: Int, cacheBytes: Int, onBatch: (Int) -> Void) throws -> Measurement
}

/// What a task found at one chunk size.
struct Measurement {
  /// Rows of the table, as cells.
  let rows: [[String]]
  /// Entries of the JSON object, but for those that all tasks have.
  let entries: [JSONValue.Entry]

  init(rows: [[String]], _ fields: KeyValuePairs<String, JSONValue>) {
    self.rows = rows
    entries = fields.map { JSONValue.Entry(key: $0.key, value: $0.value) }
  }
}

/// Cells of tables.
enum Cell {
  static let none = "–"

  static func number(_ value: Double?, digits: Int = 4) -> String {
    value.map { abs($0) < 1e7 ? Format.fixed($0, digits: digits) : Format.scientific($0, digits: 2) } ?? none
  }

  static func rate(_ value: Double) -> String { value.isFinite ? String(Int(value)) : none }
}

/// Loss and what follows from it, on text or on recall samples.
struct LossTask: EvaluationTask {
  let evaluation: TextEvaluation
  let data: any ValidationData
  let source: String
  let length: Int
  let batchSize: Int
  /// Ids between the beginnings of contexts; nil for a task whose samples are no parts of a text.
  let stride: Int?

  private var recall: MQARValidationData? { data as? MQARValidationData }
  var name: String { recall == nil ? "text" : "mqar" }
  var batchCount: Int { data.batchCount }

  private var isSliding: Bool { stride.map { $0 < length } ?? false }

  var caption: String {
    guard let stride else { return "\(source): \(data.sampleCount) samples of up to \(length) tokens" }
    let contexts = isSliding ? "sliding by \(stride)" : "blocked"
    return "\(source): \(data.sampleCount) contexts of \(length) tokens, \(contexts)"
  }

  var columns: [String] {
    let quality =
      recall == nil ? ["loss", "perplexity", "bits a byte"] : ["length", "pairs", "loss"]
    return quality + ["accuracy", "tokens/s", "cache bytes a sequence"]
  }

  func measure(chunkSize: Int, cacheBytes: Int, onBatch: (Int) -> Void) throws -> Measurement {
    let parts = try evaluation.run(data, chunkSize: chunkSize, onBatch: onBatch)
    let all = parts.reduce(EvaluationResult(), +)
    let costs = [Cell.rate(all.tokensPerSecond), String(cacheBytes)]
    let quality = [Cell.number(all.accuracy)] + costs
    let shared: KeyValuePairs<String, JSONValue> = [
      "loss": .number(all.loss), "accuracy": .number(all.accuracy), "targets": .integer(all.targetCount),
      "tokens_per_second": .number(all.tokensPerSecond), "perplexity": .number(exp(all.loss)),
    ]
    guard let recall else {
      let row = [Cell.number(all.loss), Cell.number(exp(all.loss), digits: 2), Cell.number(all.bitsPerByte)]
      return Measurement(rows: [row + quality], shared).adding([
        "bits_per_byte": all.bitsPerByte.map(JSONValue.number) ?? .null,
        "contexts": .text(isSliding ? "sliding" : "blocked"), "stride": stride.map(JSONValue.integer) ?? .null,
      ])
    }
    let segments = segments(recall, parts)
    let rows = segments.map { segment, part in
      [String(segment.length), String(segment.pairCount), Cell.number(part.loss), Cell.number(part.accuracy)]
        + [Cell.none, Cell.none]
    }
    let total = ["all", "all", Cell.number(all.loss)] + quality
    return Measurement(rows: rows + [total], shared).adding([
      "segments": .list(
        segments.map { segment, part in
          [
            "length": .integer(segment.length), "pairs": .integer(segment.pairCount), "loss": .number(part.loss),
            "accuracy": .number(part.accuracy), "targets": .integer(part.targetCount),
          ]
        })
    ])
  }

  /// What the batches of each length and number of pairs found together.
  private func segments(
    _ recall: MQARValidationData, _ parts: [EvaluationResult]
  ) -> [(segment: MQARTask.Segment, part: EvaluationResult)] {
    var sums: [MQARTask.Segment: EvaluationResult] = [:]
    for (index, part) in parts.enumerated() {
      sums[recall.segment(ofBatch: index), default: EvaluationResult()] =
        sums[recall.segment(ofBatch: index), default: EvaluationResult()] + part
    }
    return sums.sorted { ($0.key.length, $0.key.pairCount) < ($1.key.length, $1.key.pairCount) }.map {
      (segment: $0.key, part: $0.value)
    }
  }
}

extension Measurement {
  fileprivate func adding(_ fields: KeyValuePairs<String, JSONValue>) -> Measurement {
    Measurement(rows: rows, entries: entries + fields.map { JSONValue.Entry(key: $0.key, value: $0.value) })
  }

  private init(rows: [[String]], entries: [JSONValue.Entry]) {
    self.rows = rows
    self.entries = entries
  }
}

/// Needles in haystacks.
struct NeedleSearchTask: EvaluationTask {
  let evaluation: NeedleEvaluation
  let kind: NeedleTask.Value
  let haystack: String
  let length: Int
  let sampleCount: Int
  let batchSize: Int

  let name = "needle"
  let source = "needle"
  let columns = ["length", "depth %", "recall", "tokens/s written", "cache bytes a sequence"]
  var batchCount: Int { evaluation.batchCount }

  var caption: String {
    "needle: \(sampleCount) \(kind.rawValue) at each length and depth in a haystack of \(haystack), found by greedy "
      + "decoding with the cache"
  }

  func measure(chunkSize: Int, cacheBytes: Int, onBatch: (Int) -> Void) throws -> Measurement {
    let found = try evaluation.run(chunkSize: chunkSize, onBatch: onBatch)
    let foundCount = found.results.reduce(0) { $0 + $1.foundCount }
    let recall = Double(foundCount) / Double(found.results.reduce(0) { $0 + $1.sampleCount })
    let rows = found.results.map { result in
      let depth = Cell.number(100 * result.depth, digits: 0)
      return [String(result.length), depth, Cell.number(result.recall), Cell.none, Cell.none]
    }
    let total = ["all", "all", Cell.number(recall), Cell.rate(found.tokensPerSecond), String(cacheBytes)]
    return Measurement(
      rows: rows + [total],
      [
        "accuracy": .number(recall), "needle": .text(kind.rawValue), "haystack": .text(haystack),
        "samples": .integer(sampleCount), "tokens_per_second": .number(found.tokensPerSecond),
        "cells": .list(
          found.results.map {
            ["length": .integer($0.length), "depth": .number($0.depth), "accuracy": .number($0.recall)]
          }),
      ])
  }
}

/// Choices ranked by their likelihood.
struct ChoiceTask: EvaluationTask {
  let evaluation: ChoiceEvaluation
  let source: String
  let questionCount: Int
  let batchSize: Int

  let name = "choices"
  let columns = ["accuracy", "per token", "per byte", "loss", "tokens/s", "cut", "cache bytes a sequence"]
  var length: Int { evaluation.longestLength }
  var batchCount: Int { evaluation.batchCount }
  var caption: String {
    "\(source): \(questionCount) questions, choices ranked by log-likelihood: summed, per token, per byte"
  }

  func measure(chunkSize: Int, cacheBytes: Int, onBatch: (Int) -> Void) throws -> Measurement {
    let found = try evaluation.run(chunkSize: chunkSize, onBatch: onBatch)
    let shares = [found.accuracy, found.accuracyPerToken, found.accuracyPerByte, found.loss].map { Cell.number($0) }
    let row = shares + [Cell.rate(found.tokensPerSecond), String(found.cutCount), String(cacheBytes)]
    return Measurement(
      rows: [row],
      [
        "accuracy": .number(found.accuracy), "accuracy_per_token": .number(found.accuracyPerToken),
        "accuracy_per_byte": .number(found.accuracyPerByte), "loss": .number(found.loss),
        "questions": .integer(found.questionCount), "targets": .integer(found.targetCount),
        "cut": .integer(found.cutCount), "tokens_per_second": .number(found.tokensPerSecond),
      ])
  }
}
