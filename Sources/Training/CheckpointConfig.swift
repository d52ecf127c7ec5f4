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
  package var interval: Int
  /// Minutes between checkpoints, by the clock of rank 0; 0: not by time.
  package var intervalMinutes: Double
  package var keepLast: Int
  /// Checkpoints whose step is a multiple of this are kept for good; nil: none.
  package var keepEvery: Int?
  /// Largest size of one file of weights or moments.
  package var shardBytes: Int
  package var mode: Mode
  package var reading: Reading
  package var onFailure: FailureAction

  package init(_ reader: SettingsReader) throws(SettingsError) {
    interval = try reader.integer("interval", default: 0)
    intervalMinutes = try reader.number("interval_minutes", default: 5, in: 0...1_000_000)
    keepLast = try reader.integer("keep_last", default: 3, in: 1...1_000_000)
    keepEvery = try reader.optionalInteger("keep_every", in: 1...Int.max)
    shardBytes = try reader.integer("shard_bytes", default: 2 << 30, in: 1024...(1 << 50))
    mode = try reader.choice("mode", default: .asynchronous)
    reading = try reader.choice("read", default: .first)
    onFailure = try reader.choice("on_failure", default: .goOn)
  }
}
