import Foundation
import Generation
import JSON
import Models
import Telemetry
import TensorCore
import Tokenizers

/// Texts on their way through a model, and what comes of them.
struct GenerateRun {
  /// Most tokens of prompts that go through the model at a time, beside texts that go on.
  private static let promptTokensPerStep = 512

  private let tasks: [GenerateTask]
  private let requests: [GenerationRequest]
  private let endID: Int32?
  private let model: any LanguageModel
  private let tokenizer: (any Tokenizer)?
  private let queue: GenerationQueue
  private let usesCache: Bool

  /// - Parameters:
  ///   - endID: ends every text; nil for none.
  ///   - tokenizer: nil where ids have no text.
  ///   - sequenceCount: most texts at a time.
  ///   - cacheBytes: most bytes of keys and values; nil for no bound.
  /// - Throws: ``UserError`` for a text that the model cannot continue.
  init(
    _ tasks: [GenerateTask], endID: Int32?, model: any LanguageModel, backend: any Backend,
    tokenizer: (any Tokenizer)?, sequenceCount: Int, cacheBytes: Int?, usesCache: Bool
  ) throws {
    let longest = model.config.maximumLength
    let share = cacheBytes.map { $0 / max(1, min(sequenceCount, tasks.count)) }
    let requests = try tasks.map { task in
      guard (1..<longest).contains(task.ids.count) else {
        let allowed = task.ids.isEmpty ? "at least one" : "fewer than \(longest)"
        throw UserError("\(task.place): found \(task.ids.count) tokens, allowed: \(allowed)")
      }
      let length = task.request(chunkSize: 1, endID: nil).size(longest: longest).length
      return try task.request(
        chunkSize: task.chunkSize ?? Self.smallestChunkSize(task, length: length, model.config, bytes: share),
        endID: endID)
    }
    let running = requests.filter { $0.maximumCount > 0 }
    let sizes = running.map { $0.size(longest: longest) }
    if usesCache, let cacheBytes {
      for (task, size) in zip(tasks.filter { $0.maximumCount > 0 }, sizes) {
        let needed = model.config.cacheBytes(length: size.length, chunkSize: size.chunkSize)
        guard needed <= cacheBytes else {
          throw UserError("--cache-bytes: found \(cacheBytes), allowed: \(needed) and more, which \(task.place) needs")
        }
      }
    }
    self.tasks = tasks
    self.requests = requests
    self.endID = endID
    self.model = model
    self.tokenizer = tokenizer
    self.usesCache = usesCache
    queue = GenerationQueue(
      running, model: model, room: model.room(for: sizes, sequenceCount: sequenceCount, cacheBytes: cacheBytes),
      backend: backend, promptTokensPerStep: Self.promptTokensPerStep, usesCache: usesCache)
  }

  private static func smallestChunkSize(
    _ task: GenerateTask, length: Int, _ config: ModelConfig, bytes: Int?
  ) throws -> Int {
    guard let sizes = config.chunkSizes else {
      throw UserError("\(task.place): found chunk size auto, allowed: none, the model has no chunks")
    }
    guard let bytes else {
      throw UserError("\(task.place): found chunk size auto without --cache-bytes, allowed: both")
    }
    let needed = sizes.map { config.cacheBytes(length: length, chunkSize: $0) }
    guard let place = needed.firstIndex(where: { $0 <= bytes }) else {
      throw UserError(
        "--cache-bytes: found \(bytes) for \(task.place), allowed: \(needed.min() ?? 0) and more for each text of a batch"
      )
    }
    return sizes[sizes.index(sizes.startIndex, offsetBy: place)]
  }

  // MARK: Results

  /// What came of one text.
  private struct Result {
    var tokens: [ChosenToken] = []
    var text = ""
    var end = GenerationEnd.maximumTokens
    fileprivate var continuation: ContinuationText?
    var start: ContinuousClock.Instant?
    var firstToken: ContinuousClock.Instant?
    var lastToken: ContinuousClock.Instant?

    var prefillSeconds: Double? {
      guard let start, let firstToken else { return nil }
      return (firstToken - start) / .seconds(1)
    }

    /// From its second new token on; nil if there is none.
    var tokensPerSecond: Double? {
      guard let firstToken, let lastToken, tokens.count > 1 else { return nil }
      return Double(tokens.count - 1) / ((lastToken - firstToken) / .seconds(1))
    }
  }

  /// Continues all texts.
  ///
  /// - Parameters:
  ///   - onText: called with the text that a token made certain, perhaps none.
  ///   - onEnd: called with each result, in the order in which the texts end.
  private func run(
    onText: (_ index: Int, ChosenToken, String) throws -> Void, onEnd: (_ index: Int, Result) throws -> Void
  ) throws {
    // The queue knows those alone that get tokens.
    let indices = requests.indices.filter { requests[$0].maximumCount > 0 }
    for index in requests.indices where requests[index].maximumCount == 0 { try onEnd(index, Result()) }
    var results: [Int: Result] = [:]
    let clock = ContinuousClock()
    try queue.run(
      onStart: { place in
        var result = Result()
        result.start = clock.now
        result.continuation = tokenizer.map {
          ContinuationText(after: tasks[indices[place]].ids, tokenizer: $0, stops: tasks[indices[place]].stops)
        }
        results[indices[place]] = result
      },
      onToken: { place, new in
        let index = indices[place]
        guard var result = results[index] else { return false }
        result.lastToken = clock.now
        if result.firstToken == nil { result.firstToken = result.lastToken }
        result.tokens.append(new.token)
        let isEndToken = new.end == .stopID && new.token.id == endID
        var text = isEndToken ? "" : result.continuation?.append(new.token.id) ?? ""
        let isStopped = result.continuation?.isStopped == true
        let end = isStopped ? .stopText : new.end
        if end != nil { text += result.continuation?.finish() ?? "" }
        result.text += text
        if let end { result.end = end }
        results[index] = end == nil ? result : nil
        try onText(index, new.token, text)
        if end != nil { try onEnd(index, result) }
        return end == nil
      })
  }

  // MARK: Output

  /// Writes the only text and its continuation to standard output, and a line on it to standard error.
  func writeText(streams: Bool) throws {
    let prompt = tasks[0].text ?? []
    if streams { try Output.write(prompt) }
    try run(
      onText: { _, token, text in
        guard streams else { return }
        try Output.write(tokenizer == nil ? Array("\(token.id)\n".utf8) : Array(text.utf8))
      },
      onEnd: { _, result in
        if !streams {
          let ids = result.tokens.map { "\($0.id)" }.joined(separator: ",")
          try Output.write(prompt + Array((tokenizer == nil ? ids : result.text).utf8))
        }
        if !streams || tokenizer != nil { try Output.write([UInt8(ascii: "\n")]) }
        Console.standardError.print(summary(result))
      })
  }

  private func summary(_ result: Result) -> String {
    let rate = result.tokensPerSecond.map { "\(Format.count(Int($0))) tokens/s, " } ?? ""
    return "\(result.tokens.count) tokens, \(rate)cache \(Format.bytes(cacheBytes(0))); ended \(reason(result))"
  }

  /// Why a text ended, in words.
  private func reason(_ result: Result) -> String {
    switch result.end {
    case .maximumTokens: "at --max-tokens"
    case .longestSequence:
      "at the model's longest sequence, \(model.config.maximumLength) tokens with the prompt (max_position_embeddings)"
    case .stopID:
      result.tokens.last?.id == endID ? "at the token that ends a document" : "at id \(result.tokens.last?.id ?? 0)"
    case .stopText: "at a text of --stop"
    }
  }

  /// Bytes of keys and values of one text.
  private func cacheBytes(_ index: Int) -> Int {
    guard usesCache else { return 0 }
    let size = requests[index].size(longest: model.config.maximumLength)
    return model.config.cacheBytes(length: size.length, chunkSize: size.chunkSize)
  }

  /// Writes a JSON object for each text, in order; as they end where `streams`, with an object for each token before.
  func writeJSON(streams: Bool, isNumbered: Bool) throws {
    var waiting: [Int: JSONValue] = [:]
    var next = 0
    try run(
      onText: { index, token, text in
        guard streams else { return }
        let object: JSONValue = [
          "index": .integer(index), "token": .integer(Int(token.id)), "text": tokenizer == nil ? .null : .text(text),
        ]
        try Output.print(object.json())
      },
      onEnd: { index, result in
        let report = report(index, result, isNumbered: isNumbered || streams)
        guard !streams else { return try Output.print(report.json()) }
        waiting[index] = report
        while let ready = waiting.removeValue(forKey: next) {
          try Output.print(ready.json())
          next += 1
        }
      })
  }

  private func report(_ index: Int, _ result: Result, isNumbered: Bool) -> JSONValue {
    let task = tasks[index]
    let ids = { (ids: [Int32]) in JSONValue.list(ids.map { .integer(Int($0)) }) }
    var object: [JSONValue.Entry] = isNumbered ? [.init(key: "index", value: .integer(index))] : []
    object.append(
      task.text.map { .init(key: "prompt", value: .text(String(decoding: $0, as: UTF8.self))) }
        ?? .init(key: "ids", value: ids(task.ids)))
    let size = model.config.chunkSizes == nil ? nil : requests[index].chunkSize
    let results: JSONValue = [
      "text": tokenizer == nil ? .null : .text(result.text), "tokens": ids(result.tokens.map(\.id)),
      "chunk_size": size.map(JSONValue.integer) ?? .null,
      "prefill_seconds": result.prefillSeconds.map(JSONValue.number) ?? .null,
      "tokens_per_second": result.tokensPerSecond.map(JSONValue.number) ?? .null,
      "cache_bytes": .integer(cacheBytes(index)),
      "end": .text(result.end == .stopID && result.tokens.last?.id == endID ? "end_token" : result.end.rawValue),
    ]
    object += results.entries ?? []
    if task.sampling.logProbabilityCount != nil {
      object.append(.init(key: "logprobs", value: .list(result.tokens.map(\.likelihoods))))
    }
    return .mapping(object)
  }
}

extension ChosenToken {
  /// Its log-probability and those of the most likely tokens, in nats.
  fileprivate var likelihoods: JSONValue {
    [
      "id": .integer(Int(id)), "logprob": logProbability.map(JSONValue.number) ?? .null,
      "top": .list(
        alternatives.map { ["id": .integer(Int($0.id)), "logprob": .number($0.logProbability)] }),
    ]
  }
}
