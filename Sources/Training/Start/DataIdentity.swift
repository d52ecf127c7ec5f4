internal import JSON
internal import TokenData

/// What a run is trained on, known by content: where its shards are, or what they are called, does not count.
///
/// Of each shard its source (the place in `data.sources`; 0 without), its size and a digest of its sampled parts; where
/// samples are cut at the boundaries of documents, with the file that says where they are. A change that lies between the
/// parts of a file of more than a mebibyte and leaves its size goes unseen.
struct DataIdentity: Hashable, Sendable {
  /// A shard: its name is for messages alone.
  struct Shard: Sendable {
    let name: String
    let source: Int
    let byteCount: Int
    /// 16 hexadecimal digits.
    let digest: String
  }

  /// Where two identities part, in words.
  struct Difference: Hashable, Sendable {
    let subject: String
    let found: String
    let expected: String
  }

  /// The name under which a trainer's state has it.
  static let key = "training_shards"

  /// In the order of their samples.
  let shards: [Shard]

  /// Reads the sampled parts of all shards; nil for data without any, which the configuration describes whole.
  init?(_ data: any TrainingData) {
    let sources = data.sources
    if sources.isEmpty { return nil }
    shards = sources.enumerated().flatMap { source, summary in
      summary.shards.enumerated().map { place, shard in
        Shard(shard, source: source, documents: summary.documents.isEmpty ? nil : summary.documents[place])
      }
    }
  }

  /// Reads what ``setting`` gave; nil for something else.
  init?(reading value: JSONValue) {
    let shards = (value.listValue ?? []).map(Shard.init(reading:))
    self.shards = shards.compactMap { $0 }
    guard !shards.isEmpty, self.shards.count == shards.count else { return nil }
  }

  var setting: JSONValue { .list(shards.map(\.setting)) }

  /// Of all shards.
  var digest: ContentDigest {
    ContentDigest(shards.map { "\($0.source) \($0.byteCount) \($0.digest)" }.joined(separator: "\n"))
  }

  /// The first difference of this data, which is found, from that of a checkpoint; nil if they are the same.
  func difference(from expected: DataIdentity) -> Difference? {
    guard shards.count == expected.shards.count else {
      return Difference(
        subject: "number of shards", found: "\(shards.count)", expected: "\(expected.shards.count)")
    }
    guard let place = shards.indices.first(where: { shards[$0] != expected.shards[$0] }) else { return nil }
    return Difference(
      subject: "content of shard \(place + 1) of \(shards.count)", found: "\(shards[place])",
      expected: "\(expected.shards[place])")
  }
}

extension DataIdentity.Shard: Hashable {
  static func == (left: Self, right: Self) -> Bool {
    left.source == right.source && left.byteCount == right.byteCount && left.digest == right.digest
  }

  func hash(into hasher: inout Hasher) {
    hasher.combine(source)
    hasher.combine(byteCount)
    hasher.combine(digest)
  }
}

extension DataIdentity.Shard: CustomStringConvertible {
  /// Such as `text_train_000000.bin (20480 bytes, digest 0123456789abcdef)`; of a second source with its place.
  var description: String {
    "\(name) (\(source == 0 ? "" : "source \(source), ")\(byteCount) bytes, digest \(digest))"
  }

  fileprivate init(_ shard: TokenShard, source: Int, documents: DocumentIndex?) {
    self.source = source
    var content = ContentDigest()
    shard.forEachSampledPart { part in unsafe content.add(part) }
    documents?.forEachSampledPart { part in unsafe content.add(part) }
    let digits = String(content.value, radix: 16)
    name = shard.path.split(separator: "/").last.map(String.init) ?? shard.path
    byteCount = shard.byteCount + (documents?.byteCount ?? 0)
    digest = String(repeating: "0", count: 16 - digits.count) + digits
  }

  fileprivate init?(reading value: JSONValue) {
    guard let name = value["name"]?.textValue, let byteCount = value["bytes"]?.integerValue,
      let digest = value["digest"]?.textValue
    else { return nil }
    (self.name, self.byteCount, self.digest) = (name, byteCount, digest)
    // Checkpoints of a run without sources do not say it.
    source = value["source"]?.integerValue ?? 0
  }

  fileprivate var setting: JSONValue {
    let origin: [JSONValue.Entry] = source == 0 ? [] : [.init(key: "source", value: .integer(source))]
    let content: JSONValue = ["name": .text(name), "bytes": .integer(byteCount), "digest": .text(digest)]
    return .mapping((content.entries ?? []) + origin)
  }
}
