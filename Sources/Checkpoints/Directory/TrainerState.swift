package import JSON

/// What a run must know, besides weights and moments, to go on as if it had not stopped: `trainer_state.json`.
package struct TrainerState: Hashable, Sendable {
  package static let fileName = "trainer_state.json"
  /// Version 1 had no recent losses, version 2 no order of sums.
  private static let formatVersion = 3

  /// Steps that are done.
  package var step: Int
  package var tokensSeen: Int
  package var seed: Int
  package var cursor: SampleCursor
  /// Ranks, threads of a rank and BLAS kernels of the run that wrote this: a change of any may change roundings.
  package var worldSize: Int
  package var threadCount: Int
  package var blasCore: String
  /// What the order hangs on in which gradients are added over ranks: the way that sums take and, where that is MPI's, which
  /// ranks share a machine; nil where it is not known.
  package var sumOrder: String?
  /// ``Digest/sha256(of:)`` of the resolved configuration.
  package var configDigest: String
  /// Updates skipped for a loss or norm that was not finite, the last ones in a row.
  package var skippedInARow: Int
  /// Updates of the run that were skipped for whatever reason.
  package var skippedTotal: Int
  /// Updates of the run that were skipped for a loss that stood out.
  package var spikeTotal: Int
  /// The latest losses, oldest first, by the chunk sizes of their steps; what a loss is compared with.
  package var recentLosses: [String: [Double]]
  /// What else must be the same on resume, by name: the number of samples of an epoch.
  package var invariants: [String: JSONValue]

  package init(
    step: Int, tokensSeen: Int, seed: Int, cursor: SampleCursor, worldSize: Int, threadCount: Int, blasCore: String,
    configDigest: String, sumOrder: String? = nil, skippedInARow: Int = 0, skippedTotal: Int = 0, spikeTotal: Int = 0,
    recentLosses: [String: [Double]] = [:], invariants: [String: JSONValue] = [:]
  ) {
    precondition(step >= 0, "trainer state: step \(step)")
    self.step = step
    self.tokensSeen = tokensSeen
    self.seed = seed
    self.cursor = cursor
    self.worldSize = worldSize
    self.threadCount = threadCount
    self.blasCore = blasCore
    self.sumOrder = sumOrder
    self.configDigest = configDigest
    self.skippedInARow = skippedInARow
    self.skippedTotal = skippedTotal
    self.spikeTotal = spikeTotal
    self.recentLosses = recentLosses
    self.invariants = invariants
  }

  /// - Throws: ``CheckpointError`` naming the key that is missing, unknown, of the wrong type or out of range.
  package init(reading path: String) throws(CheckpointError) {
    try self.init(text: try Disk.real.readFile(path), source: path)
  }

  /// Reads what ``text`` gave; `source` is its name for messages.
  package init(text bytes: [UInt8], source path: String) throws(CheckpointError) {
    self = try reading(path) { () throws(JSONError) in
      try TrainerState(JSONReader(try JSONValue(json: bytes, source: path), path: ""))
    }
  }

  private init(_ reader: JSONReader) throws(JSONError) {
    let version = try reader.integer("format_version", in: 1...TrainerState.formatVersion)
    step = try reader.integer("step")
    tokensSeen = try reader.integer("tokens_seen")
    seed = try reader.integer("seed", in: Int.min...Int.max)
    let place = try reader.section("sample_cursor", isRequired: true)
    cursor = SampleCursor(epoch: try place.integer("epoch"), index: try place.integer("index"))
    worldSize = try reader.integer("world_size", in: 1...Int.max)
    threadCount = try reader.integer("threads", in: 1...Int.max)
    blasCore = try reader.text("blas_core")
    sumOrder = version < 3 ? nil : try reader.optionalText("sum_order")
    configDigest = try reader.text("config_digest")
    skippedInARow = try reader.integer("skipped_in_a_row")
    skippedTotal = try reader.integer("skipped_total")
    spikeTotal = version < 2 ? 0 : try reader.integer("spike_total")
    recentLosses = version < 2 ? [:] : try Self.losses(reader.section("recent_losses", isRequired: true))
    let others = try reader.section("invariants", isRequired: true)
    var invariants: [String: JSONValue] = [:]
    for key in try others.keys() { invariants[key] = try others.value(key) }
    self.invariants = invariants
    try reader.finish()
  }

  private static func losses(_ reader: JSONReader) throws(JSONError) -> [String: [Double]] {
    var losses: [String: [Double]] = [:]
    for key in try reader.keys() {
      let value = try reader.value(key)
      guard let numbers = value.listValue?.map(\.numberValue), !numbers.contains(nil) else {
        throw reader.invalid(key, found: value.excerpt, allowed: "a list of numbers")
      }
      losses[key] = numbers.compactMap { $0 }
    }
    return losses
  }

  /// The content of `trainer_state.json`.
  package var text: String {
    let entries = invariants.sorted { $0.key < $1.key }.map { JSONValue.Entry(key: $0.key, value: $0.value) }
    let losses = recentLosses.sorted { $0.key < $1.key }.map { key, losses in
      JSONValue.Entry(key: key, value: .list(losses.map(JSONValue.number)))
    }
    let value: JSONValue = [
      "format_version": .integer(TrainerState.formatVersion), "step": .integer(step),
      "tokens_seen": .integer(tokensSeen), "seed": .integer(seed),
      "sample_cursor": ["epoch": .integer(cursor.epoch), "index": .integer(cursor.index)],
      "world_size": .integer(worldSize), "threads": .integer(threadCount), "blas_core": .text(blasCore),
      "sum_order": sumOrder.map(JSONValue.text) ?? .null,
      "config_digest": .text(configDigest), "skipped_in_a_row": .integer(skippedInARow),
      "skipped_total": .integer(skippedTotal), "spike_total": .integer(spikeTotal),
      "recent_losses": .mapping(losses), "invariants": .mapping(entries),
    ]
    return value.json(pretty: true) + "\n"
  }
}

/// Where in the order of samples a run stands.
package struct SampleCursor: Hashable, Sendable {
  /// Passes over the data that are complete.
  package var epoch: Int
  /// Samples of the current pass that are used.
  package var index: Int

  package init(epoch: Int, index: Int) {
    self.epoch = epoch
    self.index = index
  }
}
