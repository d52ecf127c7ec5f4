import ArgumentParser
import Foundation
import JSON
import Telemetry
import TokenData
import Tokenizers

struct DataCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "data",
    abstract: "Says what token shards hold.",
    discussion: "Example: catlm data info data/shakespeare --context 256",
    subcommands: [Info.self])

  struct Info: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Says of token shards their format, ids, documents and samples, and shows an example.",
      discussion: """
        Reads .bin of llm.c (16 and 32 bits), .npy of 16, 32 or 64 bits, .bin with an .idx of Megatron, and with --format \
        nanogpt .bin files of 16-bit ids without a header. All ids are read; nothing is kept in memory.

        Documents are counted where something says where they begin: the .documents that catlm tokenize writes, or the \
        index of Megatron. A sample is CONTEXT ids and one more; where a run file says data.document_boundaries: reset, \
        it is cut into sequences where documents begin.

        Example: catlm data info --tokenizer tokenizer.json --context 1024 'data/web_train_*.bin'
        """)

    @Argument(help: "Files, directories or patterns; of Megatron the .bin, the .idx, or the name that both share.")
    var paths: [String]

    @Option(help: "auto (what each file says of itself) or nanogpt (16-bit ids without a header).")
    var format = FormatChoice.auto

    @Option(help: "Tokens of a sample, to count samples.")
    var context: Int?

    @Option(
      help: """
        Decodes the example, and refuses ids that it has not: bytes, or the path of a tokenizer.json or of its directory; \
        by default bytes, if all ids are below 256.
        """)
    var tokenizer: String?

    @Flag(help: "One JSON object on standard output.")
    var json = false

    func validate() throws {
      try OptionCheck.require("--context", context, in: 1...1 << 24)
    }

    func run() throws {
      let tokenizer = try tokenizer.map { try TokenizerChoice($0).load() }
      let shards = try ShardPaths.expand(paths).map { try TokenShard(path: $0, format: format) }
      let rows = try shards.map { shard in
        if let tokenizer { try shard.requireIDs(below: tokenizer.vocabularySize) }
        return ShardRow(
          name: shard.path, format: shard.format.rawValue, idType: shard.idType.rawValue, byteCount: shard.byteCount,
          tokenCount: shard.count, documentCount: try shard.documents()?.count, ids: shard.idRange(),
          sampleCount: context.map { max(0, shard.count - 1) / $0 })
      }
      let description = DataDescription(
        rows: rows, context: context, example: DataExample(shards, rows: rows, tokenizer: tokenizer))
      try Output.print(json ? description.object.json() : description.text)
    }
  }
}

extension FormatChoice: ExpressibleByArgument {}

/// What there is to say of a shard, or of several together.
private struct ShardRow {
  let name: String
  let format: String
  let idType: String
  let byteCount: Int
  let tokenCount: Int
  /// Nil where nothing says where documents begin.
  let documentCount: Int?
  /// Nil without ids.
  let ids: ClosedRange<Int>?
  /// Nil without a context.
  let sampleCount: Int?

  /// All rows as one.
  init(sumOf rows: [ShardRow]) {
    func common(_ path: KeyPath<ShardRow, String>) -> String {
      Set(rows.map { $0[keyPath: path] }).count == 1 ? rows[0][keyPath: path] : "mixed"
    }
    func sum(_ counts: [Int?]) -> Int? {
      counts.allSatisfy { $0 == nil } ? nil : counts.reduce(0) { $0 + ($1 ?? 0) }
    }
    name = "all \(rows.count)"
    (format, idType) = (common(\.format), common(\.idType))
    byteCount = rows.reduce(0) { $0 + $1.byteCount }
    tokenCount = rows.reduce(0) { $0 + $1.tokenCount }
    documentCount = sum(rows.map(\.documentCount))
    sampleCount = sum(rows.map(\.sampleCount))
    let ranges = rows.compactMap(\.ids)
    ids = ranges.isEmpty ? nil : (ranges.map(\.lowerBound).min() ?? 0)...(ranges.map(\.upperBound).max() ?? 0)
  }

  init(
    name: String, format: String, idType: String, byteCount: Int, tokenCount: Int, documentCount: Int?,
    ids: ClosedRange<Int>?, sampleCount: Int?
  ) {
    (self.name, self.format, self.idType) = (name, format, idType)
    (self.byteCount, self.tokenCount, self.documentCount) = (byteCount, tokenCount, documentCount)
    (self.ids, self.sampleCount) = (ids, sampleCount)
  }

  /// What a file and all files together have.
  var entries: [JSONValue.Entry] {
    func optional(_ value: Int?) -> JSONValue { value.map(JSONValue.integer) ?? .null }
    return [
      .init(key: "bytes", value: .integer(byteCount)), .init(key: "tokens", value: .integer(tokenCount)),
      .init(key: "documents", value: optional(documentCount)),
      .init(key: "smallest_id", value: optional(ids?.lowerBound)),
      .init(key: "largest_id", value: optional(ids?.upperBound)), .init(key: "samples", value: optional(sampleCount)),
    ]
  }

  var cells: [String] {
    func cell(_ value: Int?) -> String { value.map(Format.grouped) ?? "-" }
    return [
      name, format, idType, cell(tokenCount), cell(documentCount), ids.map { "\($0.lowerBound)" } ?? "-",
      ids.map { "\($0.upperBound)" } ?? "-", cell(sampleCount),
    ]
  }
}

/// The beginning of the first shard that has ids.
private struct DataExample {
  private static let idCount = 64

  let file: String
  let ids: [Int32]
  /// Nil where nothing says what the ids mean.
  let text: String?

  init?(_ shards: [TokenShard], rows: [ShardRow], tokenizer: (any Tokenizer)?) {
    guard let shard = shards.first(where: { $0.count > 0 }) else { return nil }
    file = shard.path
    ids = shard.ids(0..<min(shard.count, Self.idCount))
    let range = ShardRow(sumOf: rows).ids ?? 0...0
    let areBytes = (0..<256).contains(range.lowerBound) && range.upperBound < 256
    text = (tokenizer ?? (areBytes ? ByteTokenizer() : nil))?.decode(ids)
  }

  var object: JSONValue {
    [
      "file": .text(file), "ids": .list(ids.map { .integer(Int($0)) }), "text": text.map(JSONValue.text) ?? .null,
    ]
  }

  var line: String {
    let content = text.map { JSONValue.text($0).json() } ?? ids.map { "\($0)" }.joined(separator: " ")
    return "example, the first \(ids.count) ids of \(file): \(content)"
  }
}

private struct DataDescription {
  let rows: [ShardRow]
  let context: Int?
  let example: DataExample?

  var object: JSONValue {
    let files = rows.map { row in
      JSONValue.mapping(
        [
          .init(key: "path", value: .text(row.name)), .init(key: "format", value: .text(row.format)),
          .init(key: "id_type", value: .text(row.idType)),
        ] + row.entries)
    }
    return .mapping(
      [.init(key: "files", value: .list(files))] + ShardRow(sumOf: rows).entries + [
        .init(key: "context", value: context.map(JSONValue.integer) ?? .null),
        .init(key: "example", value: example?.object ?? .null),
      ])
  }

  var text: String {
    var table = TextTable(
      ["file", "format", "id type", "tokens", "documents", "smallest id", "largest id", "samples"], textColumns: 3)
    for row in rows { table.add(row.cells) }
    if rows.count > 1 { table.add(ShardRow(sumOf: rows).cells) }
    return ([table.text] + (example.map { [$0.line] } ?? [])).joined(separator: "\n")
  }
}
