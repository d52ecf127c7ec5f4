package import Settings

/// What a run must know, besides weights and moments, to go on as if it had not stopped: `trainer_state.json`.
package struct TrainerState: Hashable, Sendable {
  package static let fileName = "trainer_state.json"
  private static let formatVersion = 1

  /// Steps that are done.
  package var step: Int
  package var tokensSeen: Int
  package var seed: Int
  package var cursor: SampleCursor
  /// Ranks, threads of a rank and BLAS kernels of the run that wrote this: a change of any may change roundings.
  package var worldSize: Int
  package var threadCount: Int
  package var blasCore: String
  /// ``Digest/sha256(of:)`` of the resolved configuration.
  package var configDigest: String
  /// Updates skipped for a loss or norm that was not finite: the last ones in a row, and all of the run.
  package var skippedInARow: Int
  package var skippedTotal: Int
  /// What else must be the same on resume, by name: the number of samples of an epoch.
  package var invariants: [String: Setting]

  package init(
    step: Int, tokensSeen: Int, seed: Int, cursor: SampleCursor, worldSize: Int, threadCount: Int, blasCore: String,
    configDigest: String, skippedInARow: Int = 0, skippedTotal: Int = 0, invariants: [String: Setting] = [:]
  ) {
    precondition(step >= 0, "trainer state: step \(step)")
    self.step = step
    self.tokensSeen = tokensSeen
    self.seed = seed
    self.cursor = cursor
    self.worldSize = worldSize
    self.threadCount = threadCount
    self.blasCore = blasCore
    self.configDigest = configDigest
    self.skippedInARow = skippedInARow
    self.skippedTotal = skippedTotal
    self.invariants = invariants
  }

  /// - Throws: ``CheckpointError`` naming the key that is missing, unknown, of the wrong type or out of range.
  package init(reading path: String) throws(CheckpointError) {
    var fields = try JSONFields(file: path, disk: .real)
    let version = TrainerState.formatVersion
    _ = try fields.integer("format_version", in: version...version)
    step = try fields.integer("step")
    tokensSeen = try fields.integer("tokens_seen")
    seed = try fields.integer("seed", in: Int.min...Int.max)
    var cursorFields = try fields.fields("sample_cursor")
    cursor = SampleCursor(epoch: try cursorFields.integer("epoch"), index: try cursorFields.integer("index"))
    try cursorFields.finish()
    worldSize = try fields.integer("world_size", in: 1...Int.max)
    threadCount = try fields.integer("threads", in: 1...Int.max)
    blasCore = try fields.text("blas_core")
    configDigest = try fields.text("config_digest")
    skippedInARow = try fields.integer("skipped_in_a_row")
    skippedTotal = try fields.integer("skipped_total")
    let entries = try fields.entries("invariants")
    invariants = Dictionary(uniqueKeysWithValues: entries.map { ($0.key, $0.value) })
    try fields.finish()
  }

  /// The content of `trainer_state.json`.
  package var text: String {
    let entries = invariants.sorted { $0.key < $1.key }.map { Setting.Entry(key: $0.key, value: $0.value) }
    let value: Setting = [
      "format_version": .integer(TrainerState.formatVersion), "step": .integer(step),
      "tokens_seen": .integer(tokensSeen), "seed": .integer(seed),
      "sample_cursor": ["epoch": .integer(cursor.epoch), "index": .integer(cursor.index)],
      "world_size": .integer(worldSize), "threads": .integer(threadCount), "blas_core": .text(blasCore),
      "config_digest": .text(configDigest), "skipped_in_a_row": .integer(skippedInARow),
      "skipped_total": .integer(skippedTotal), "invariants": .mapping(entries),
    ]
    return value.json(pretty: true) + "\n"
  }
}
