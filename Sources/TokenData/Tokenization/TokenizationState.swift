internal import Foundation
package import JSON

/// How far a job is, in a file beside its shards: what makes it the same job, and where the last shard of each split ended.
///
/// The file is written anew whenever a shard is complete, so that a job that was stopped does not make it again.
struct TokenizationState {
  /// Where a split's last finished shard ended.
  struct Place: Hashable {
    var shardCount = 0
    /// The part of the corpus that it ended in, and how many of the part's ids it took.
    var part = 0
    var idCount = 0
  }

  private let path: String
  private let job: JSONValue
  private(set) var places: [TokenSplit: Place] = [:]
  /// What was counted, if the job is done.
  private(set) var totals: TokenizationTotals?

  /// - Parameters:
  ///   - prefix: the directory of the shards and the beginning of their names.
  ///   - job: everything that decides what is in the shards.
  /// - Throws: ``TokenError`` if the file is of another job, or of none.
  init(prefix: String, job: JSONValue) throws(TokenError) {
    path = prefix + "_tokens.json"
    self.job = job
    guard let data = FileManager.default.contents(atPath: path) else { return }
    guard let known = try? JSONValue(json: data, source: path) else {
      throw TokenError(file: path, found: "a damaged record of tokenization", allowed: "none; remove it and the shards")
    }
    let differences = job.differences(from: known["job"] ?? .null)
    guard differences.isEmpty else {
      throw TokenError(
        file: path, found: "the record of another call: \(differences.map(\.key).joined(separator: ", ")) differ",
        allowed: "the same call, to go on; else another --output or --name")
    }
    places = Self.places(of: known["places"])
    totals = known["totals"].flatMap(TokenizationTotals.init)
  }

  /// Places as they are written down.
  static func setting(of places: [TokenSplit: Place]) -> JSONValue {
    .mapping(
      TokenSplit.allCases.compactMap { split in
        places[split].map { place in
          JSONValue.Entry(
            key: split.rawValue,
            value: ["shards": .integer(place.shardCount), "part": .integer(place.part), "ids": .integer(place.idCount)])
        }
      })
  }

  static func places(of setting: JSONValue?) -> [TokenSplit: Place] {
    var places: [TokenSplit: Place] = [:]
    for split in TokenSplit.allCases {
      guard let place = setting?[split.rawValue] else { continue }
      places[split] = Place(
        shardCount: place["shards"]?.integerValue ?? 0, part: place["part"]?.integerValue ?? 0,
        idCount: place["ids"]?.integerValue ?? 0)
    }
    return places
  }

  mutating func note(_ place: Place, of split: TokenSplit) throws(TokenError) {
    places[split] = place
    try write()
  }

  mutating func finish(_ totals: TokenizationTotals) throws(TokenError) {
    self.totals = totals
    try write()
  }

  private func write() throws(TokenError) {
    let record: JSONValue = ["job": job, "places": Self.setting(of: places), "totals": totals?.setting ?? .null]
    do {
      try Data((record.json(pretty: true) + "\n").utf8).write(to: URL(filePath: path), options: .atomic)
    } catch {
      throw TokenError(file: path, found: "“\(error.localizedDescription)”", allowed: "a place to write")
    }
  }
}

/// What was made of a corpus.
package struct TokenizationTotals: Hashable, Sendable {
  package var documentCount = 0
  package var byteCount = 0
  package var trainingTokenCount = 0
  package var validationTokenCount = 0
  /// Half surrogate pairs in JSON that became U+FFFD.
  package var replacedCount = 0

  package var tokenCount: Int { trainingTokenCount + validationTokenCount }

  init() {}

  init?(_ setting: JSONValue) {
    guard let documents = setting["documents"]?.integerValue, let bytes = setting["bytes"]?.integerValue,
      let training = setting["training_tokens"]?.integerValue,
      let validation = setting["validation_tokens"]?.integerValue
    else { return nil }
    (documentCount, byteCount) = (documents, bytes)
    (trainingTokenCount, validationTokenCount) = (training, validation)
    replacedCount = setting["replaced_characters"]?.integerValue ?? 0
  }

  package var setting: JSONValue {
    [
      "documents": .integer(documentCount), "bytes": .integer(byteCount),
      "training_tokens": .integer(trainingTokenCount), "validation_tokens": .integer(validationTokenCount),
      "bytes_per_token": tokenCount > 0 ? .number(Double(byteCount) / Double(tokenCount)) : .null,
      "replaced_characters": .integer(replacedCount),
    ]
  }
}
