import ArgumentParser
import Foundation
import JSON
import Tokenizers

struct TokenizerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokenizer",
    abstract: "Trains tokenizers, turns lines of text into ids and back, says what a tokenizer is.",
    discussion: """
      TOKENIZER is bytes, a tokenizer.json of Hugging Face (byte-level BPE as in GPT-2, Llama 3 and Qwen, or BPE with \
      byte fallback as in Llama 2 and Mistral), or a directory that holds one.

      Example: catlm tokenizer info tokenizer.json
      """,
    subcommands: [Train.self, Encode.self, Decode.self, Info.self])

  struct Encode: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Turns JSON lines {\"text\": …} into {\"ids\": […]}, in order.",
      discussion: """
        Example: echo '{"text": "hello"}' | catlm tokenizer encode tokenizer.json
        """)

    @Argument(help: "bytes, or the path of a tokenizer.json or of a directory that holds one.")
    var tokenizer: String

    @Argument(help: "Files of JSON lines; standard input without any.")
    var files: [String] = []

    @Flag(name: .customLong("no-special"), help: "Without the ids that the tokenizer puts before and behind a text.")
    var leavesSpecial = false

    func run() throws {
      let tokenizer = try TokenizerChoice(tokenizer).load()
      let encoder = tokenizer.makeEncoder(addsSpecial: !leavesSpecial)
      var ids: [Int32] = []
      try JSONLines.forEach(files, key: "text") { value, place in
        guard case .text(let text) = value else { throw UserError("\(place): \"text\" is no text") }
        ids.removeAll(keepingCapacity: true)
        encoder.encode(Array(text.utf8).span, as: .whole, into: &ids)
        try Output.print("{\"ids\": [" + ids.map { "\($0)" }.joined(separator: ", ") + "]}")
      }
    }
  }

  struct Decode: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Turns JSON lines {\"ids\": […]} into {\"text\": …}, in order.",
      discussion: """
        Example: echo '{"ids": [104, 105]}' | catlm tokenizer decode bytes
        """)

    @Argument(help: "bytes, or the path of a tokenizer.json or of a directory that holds one.")
    var tokenizer: String

    @Argument(help: "Files of JSON lines; standard input without any.")
    var files: [String] = []

    @Flag(name: .customLong("skip-special"), help: "Special tokens give no text.")
    var skipsSpecial = false

    func run() throws {
      let tokenizer = try TokenizerChoice(tokenizer).load()
      try JSONLines.forEach(files, key: "ids") { value, place in
        guard let list = value.listValue else { throw UserError("\(place): \"ids\" is no list") }
        let ids = try list.map { element in
          guard let id = element.integerValue, (0..<tokenizer.vocabularySize).contains(id) else {
            throw UserError("\(place): found id \(element.json()), allowed: 0..<\(tokenizer.vocabularySize)")
          }
          return Int32(id)
        }
        let object: JSONValue = ["text": .text(tokenizer.decode(ids, skipsSpecial: skipsSpecial))]
        try Output.print(object.json())
      }
    }
  }

  struct Info: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Says what a tokenizer is made of.",
      discussion: "Example: catlm tokenizer info tokenizer.json")

    @Argument(help: "bytes, or the path of a tokenizer.json or of a directory that holds one.")
    var tokenizer: String

    @Flag(help: "One JSON object on standard output.")
    var json = false

    func run() throws {
      let tokenizer = try TokenizerChoice(tokenizer).load()
      let description = TokenizerDescription(tokenizer)
      try Output.print(json ? description.object.json() : description.text)
    }
  }
}

/// What there is to say of a tokenizer.
private struct TokenizerDescription {
  private let tokenizer: any Tokenizer

  init(_ tokenizer: any Tokenizer) {
    self.tokenizer = tokenizer
  }

  private var fields: [(name: String, value: JSONValue)] {
    let end: JSONValue = tokenizer.endOfDocument.map { .integer(Int($0)) } ?? .null
    let common: [(String, JSONValue)] = [
      ("vocabulary_size", .integer(tokenizer.vocabularySize)), ("end_of_document", end),
    ]
    guard let tokenizer = tokenizer as? BPETokenizer else { return [("kind", "bytes")] + common }
    let special = JSONValue.mapping(
      tokenizer.specialTokens.map { JSONValue.Entry(key: $0.content, value: .integer(Int($0.id))) })
    return [("kind", .text(tokenizer.kind))] + common + [
      ("merges", .integer(tokenizer.mergeCount)),
      ("normalizer", .list(tokenizer.normalizerNames.map(JSONValue.text))),
      ("pieces", .list(tokenizer.ruleNames.map(JSONValue.text))),
      ("special_tokens", special),
    ]
  }

  var object: JSONValue {
    .mapping(fields.map { JSONValue.Entry(key: $0.name, value: $0.value) })
  }

  var text: String {
    fields.map { "\($0.name): \($0.value.textValue ?? $0.value.json())" }.joined(separator: "\n")
  }
}
