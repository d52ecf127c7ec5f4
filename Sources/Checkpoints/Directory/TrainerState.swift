package import Settings

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
  package var invariants: [String: Setting]

  package init(
    step: Int, tokensSeen: Int, seed: Int, cursor: SampleCursor, worldSize: Int, threadCount: Int, blasCore: String,
    configDigest: String, sumOrder: String? = nil, skippedInARow: Int = 0, skippedTotal: Int = 0, spikeTotal: Int = 0,
    recentLosses: [String: [Double]] = [:], invariants: [String: Setting] = [:]
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
    var fields = try JSONFields(try parseJSON(bytes, what: "content", path: path), path: path)
    let version = try fields.integer("format_version", in: 1...TrainerState.formatVersion)
    step = try fields.integer("step")
    tokensSeen = try fields.integer("tokens_seen")
    seed = try fields.integer("seed", in: Int.min...Int.max)
    var cursorFields = try fields.fields("sample_cursor")
    cursor = SampleCursor(epoch: try cursorFields.integer("epoch"), index: try cursorFields.integer("index"))
    try cursorFields.finish()
    worldSize = try fields.integer("world_size", in: 1...Int.max)
    threadCount = try fields.integer("threads", in: 1...Int.max)
    blasCore = try fields.text("blas_core")
    sumOrder = version < 3 ? nil : try fields.optionalText("sum_order")
    configDigest = try fields.text("config_digest")
    skippedInARow = try fields.integer("skipped_in_a_row")
    skippedTotal = try fields.integer("skipped_total")
    spikeTotal = version < 2 ? 0 : try fields.integer("spike_total")
    recentLosses = version < 2 ? [:] : try fields.numberLists("recent_losses")
    let entries = try fields.entries("invariants")
    invariants = Dictionary(uniqueKeysWithValues: entries.map { ($0.key, $0.value) })
    try fields.finish()
  }

  /// The content of `trainer_state.json`.
  package var text: String {
    let entries = invariants.sorted { $0.key < $1.key }.map { Setting.Entry(key: $0.key, value: $0.value) }
    let losses = recentLosses.sorted { $0.key < $1.key }.map { key, losses in
      Setting.Entry(key: key, value: .list(losses.map(Setting.number)))
    }
    let value: Setting = [
      "format_version": .integer(TrainerState.formatVersion), "step": .integer(step),
      "tokens_seen": .integer(tokensSeen), "seed": .integer(seed),
      "sample_cursor": ["epoch": .integer(cursor.epoch), "index": .integer(cursor.index)],
      "world_size": .integer(worldSize), "threads": .integer(threadCount), "blas_core": .text(blasCore),
      "sum_order": sumOrder.map(Setting.text) ?? .null,
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
