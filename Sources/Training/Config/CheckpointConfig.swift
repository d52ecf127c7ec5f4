package import JSON
package import Settings

/// The `checkpoint` section of a run file.
package struct CheckpointConfig: Hashable, Sendable {
  /// Whether training waits for a checkpoint to be written.
  package enum Mode: String, CaseIterable, Hashable, Sendable {
    /// Training waits for a copy of weights and moments; the copy is written while it goes on.
    case asynchronous = "async"
    case blocking
  }

  /// Who reads the checkpoint that a run goes on from.
  ///
  /// Measured on two ranks of one machine, 92 million parameters, medians of three: 2.1 s if the first reads, 1.3 s if
  /// each does. The first is the default, since it needs no file system that all ranks share.
  package enum Reading: String, CaseIterable, Hashable, Sendable {
    /// Rank 0, which sends weights and moments to the others.
    case first
    /// Every rank for itself; the run directory must be on a file system that all share.
    case each
  }

  /// What follows from a checkpoint that could not be written. The one at the end of a run must be.
  package enum FailureAction: String, CaseIterable, Hashable, Sendable {
    /// It is logged, and the next one is tried when it is due.
    case goOn = "continue"
    case stop
  }

  /// Steps between checkpoints; 0: not by steps.
  package var interval = 0
  /// Minutes between checkpoints, by the clock of rank 0; 0: not by time.
  package var intervalMinutes = 5.0
  package var keepLast = 3
  /// Checkpoints whose step is a multiple of this are kept for good; nil: none.
  package var keepEvery: Int?
  /// Largest size of one file of weights or moments.
  package var shardBytes = 2 << 30
  package var mode = Mode.asynchronous
  package var reading = Reading.first
  package var onFailure = FailureAction.goOn

  package init() {}

  package init(_ reader: JSONReader) throws(JSONError) {
    try reader.read(Self.keys, into: &self)
  }

  private static let keys: [Key<Self>] = [
    .integer(
      "interval", \.interval,
      "Steps between checkpoints; 0: not by steps. The last step is always followed by one."),
    .number(
      "interval_minutes", \.intervalMinutes, in: 0...1_000_000,
      "Minutes between checkpoints, by the clock of rank 0; 0: not by time."),
    .integer(
      "keep_last", \.keepLast, in: 1...1_000_000,
      "Retention: how many of the newest checkpoints are kept; older ones are removed."),
    .optionalInteger(
      "keep_every", \.keepEvery, in: 1...Int.max,
      "Retention: checkpoints whose step is a multiple of this are kept for good, beside the newest."),
    .integer(
      "shard_bytes", \.shardBytes, in: 1024...(1 << 50), "Most bytes of one file of weights or of optimizer moments."),
    .choice(
      "mode", \.mode,
      "Whether training goes on while a copy of weights and moments is written (async) or waits for it (blocking)."),
    .choice(
      "read", \.reading,
      "Who reads the checkpoint that a run goes on from: the first rank, which sends it to the others (first), or each "
        + "rank for itself, from a file system that all share (each)."),
    .choice(
      "on_failure", \.onFailure,
      "What follows from a checkpoint that cannot be written: a warning, and another try when the next is due "
        + "(continue), or the end of the run (stop). The one at the end of a run must be written."),
  ]

  package static let declaration = SectionDeclaration(
    name: "checkpoint", sentence: "When checkpoints are written, and their retention.",
    keys: keys.declarations(Self()))
}
