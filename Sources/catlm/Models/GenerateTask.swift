import Generation
import JSON
import Models
import Tokenizers

/// One text that `catlm generate` continues.
struct GenerateTask {
  /// Its bytes; nil where it came as ids.
  let text: [UInt8]?
  let ids: [Int32]
  /// Nil for the smallest that fits.
  var chunkSize: Int?
  var maximumCount: Int
  var sampling: SamplingSettings
  var stops: [String]
  var stopIDs: [Int32]
  /// Where it came from, for messages.
  let place: String

  /// The text with what every text shares.
  init(_ text: [UInt8]?, ids: [Int32], shared: GenerateTask.Shared, place: String) {
    self.text = text
    self.ids = ids
    chunkSize = shared.chunkSize
    maximumCount = shared.maximumCount
    sampling = shared.sampling
    stops = shared.stops
    stopIDs = shared.stopIDs
    self.place = place
  }

  /// What options say for all texts.
  struct Shared {
    /// Nil for the smallest that fits.
    var chunkSize: Int?
    var maximumCount: Int
    var sampling: SamplingSettings
    var stops: [String]
    var stopIDs: [Int32]
    /// Of the model; nil for ids that must not end a text.
    var endID: Int32?
  }

  /// What a line of a file of prompts says, and what it does not say as all texts share it.
  ///
  /// - Parameter tokenizer: nil where prompts have to be ids.
  init(_ line: JSONValue, shared: Shared, model: ModelConfig, tokenizer: (any Tokenizer)?, place: String) throws {
    let reader = JSONReader(line, path: "", source: place)
    let prompt = try reader.optionalText("prompt")
    guard reader.has("ids") != (prompt != nil) else {
      throw UserError("\(place): found \(prompt == nil ? "neither" : "both"), allowed: one of \"prompt\" and \"ids\"")
    }
    if let prompt {
      guard let tokenizer else { throw UserError("\(place): found \"prompt\", allowed: \"ids\", as --ids says") }
      self.init(Array(prompt.utf8), ids: tokenizer.encodePrompt(Array(prompt.utf8)), shared: shared, place: place)
    } else {
      let ids = try reader.integers("ids", in: 0...model.vocabularySize - 1).map { Int32($0) }
      self.init(nil, ids: ids, shared: shared, place: place)
    }
    if reader.has("chunk_size") {
      let isAuto = line["chunk_size"]?.textValue == "auto"
      chunkSize = isAuto ? nil : try ChunkSizeOption.parse(reader.integer("chunk_size"), place: place, model: model)
      if isAuto { _ = try reader.text("chunk_size") }
    }
    maximumCount = try reader.integer("max_tokens", default: shared.maximumCount)
    sampling = try SamplingSettings(reader, shared: shared.sampling)
    stops = try reader.has("stop") ? reader.texts("stop") : shared.stops
    stopIDs = try reader.has("stop_ids") ? reader.integers("stop_ids").map { Int32(clamping: $0) } : shared.stopIDs
    guard !stops.contains("") else {
      throw UserError("\(place): stop: found an empty text, allowed: at least one character")
    }
    guard stops.isEmpty || tokenizer != nil else {
      throw UserError("\(place): found \"stop\", allowed: none with --ids")
    }
    try reader.finish()
  }

  /// The request, at a chunk size that the model has.
  func request(chunkSize: Int, endID: Int32?) -> GenerationRequest {
    GenerationRequest(
      prompt: ids, chunkSize: chunkSize, maximumCount: maximumCount, sampling: sampling,
      stopIDs: Set(stopIDs + (endID.map { [$0] } ?? [])))
  }
}
