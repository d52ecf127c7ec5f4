package import Foundation

/// What a run tells at one moment: its files and the terminal all get the same.
package struct RunRecord: Hashable, Sendable {
  /// Steps that are done.
  package let step: Int
  /// When it was told: seconds since 1970; 0 where a line does not say.
  package let time: Double
  package let event: Event

  package enum Event: Hashable, Sendable {
    case step(StepRecord)
    case validation(Validation)
    case sample(Sample)
    case checkpoint(Checkpoint)
    case stall(Stall)
    case end(End)
    /// For TensorBoard alone.
    case histograms([Histogram])
  }

  package init(step: Int, time: Date = .now, _ event: Event) {
    self.step = step
    // A float of a date has more digits than any clock means.
    self.time = (time.timeIntervalSince1970 * 1e3).rounded() / 1e3
    self.event = event
  }

  /// What a validation at one chunk size found.
  package struct Validation: Hashable, Sendable {
    /// Nil for a model without chunk sizes.
    package var chunkSize: Int?
    /// In nats a target.
    package var loss: Double
    package var accuracy: Double?
    package var targetCount: Int?

    package init(chunkSize: Int?, loss: Double, accuracy: Double? = nil, targetCount: Int? = nil) {
      self.chunkSize = chunkSize
      self.loss = loss
      self.accuracy = accuracy
      self.targetCount = targetCount
    }
  }

  /// What the model of now wrote.
  package struct Sample: Hashable, Sendable {
    /// Nil for a model without chunk sizes.
    package var chunkSize: Int?
    package var prompt: String
    package var text: String

    package init(chunkSize: Int?, prompt: String, text: String) {
      self.chunkSize = chunkSize
      self.prompt = prompt
      self.text = text
    }
  }

  /// A checkpoint that was written; `step` is its own, which may be some before.
  package struct Checkpoint: Hashable, Sendable {
    /// Its directory's name.
    package var name: String
    package var byteCount: Int
    package var seconds: Double

    package init(name: String, byteCount: Int, seconds: Double) {
      self.name = name
      self.byteCount = byteCount
      self.seconds = seconds
    }
  }

  /// What training waited for between two steps.
  package struct Stall: Hashable, Sendable {
    package enum Cause: String, Hashable, Sendable {
      case checkpoint
      case validation
      case samples
      case histograms
    }

    package var cause: Cause
    package var seconds: Double

    package init(cause: Cause, seconds: Double) {
      self.cause = cause
      self.seconds = seconds
    }
  }

  /// How a start of the run ended.
  package struct End: Hashable, Sendable {
    package enum Outcome: String, Hashable, Sendable {
      case done
      case stopped
      case failed
    }

    package var outcome: Outcome
    /// Since this start began to train.
    package var seconds: Double
    /// What failed.
    package var reason: String?

    package init(outcome: Outcome, seconds: Double, reason: String? = nil) {
      self.outcome = outcome
      self.seconds = seconds
      self.reason = reason
    }
  }
}

/// What a training step did.
package struct StepRecord: Hashable, Sendable {
  /// Mean of the global batch, in nats a target.
  package var loss: Double
  /// Of the micro-batches: one size if they are equal; none for a model without chunk sizes.
  package var chunkSizes: [Int] = []
  package var learningRate: Double?
  package var gradientNorm: Double?
  /// Trained on since step 1.
  package var tokenCount: Int?
  package var targetCount: Int?
  /// Since the step before ended, without what training waited for between the steps.
  package var seconds: Double?
  /// Parts of `seconds`.
  package var phases = StepPhases()
  package var tokensPerSecond: Double?
  /// Share of the ceiling that the step's operations came to.
  package var utilization: Double?
  package var memory = MemoryUse()
  package var isSkipped = false
  package var isSpike = false
  /// Since the record before.
  package var checkpointStallSeconds: Double?

  package init(loss: Double) {
    self.loss = loss
  }

  /// Of all micro-batches; nil where they differ, and for a model without chunk sizes.
  package var chunkSize: Int? { chunkSizes.count == 1 ? chunkSizes[0] : nil }
}

/// Where a step's seconds went, on rank 0. Nil is unknown, as in older files.
package struct StepPhases: Hashable, Sendable {
  /// Waiting for batches.
  package var data: Double?
  package var forward: Double?
  package var backward: Double?
  /// Waiting for other ranks.
  package var communication: Double?
  package var optimizer: Double?
  /// Waiting for a backend that works on while the host goes ahead.
  package var device: Double?
  /// What is left.
  package var other: Double?

  package init() {}
}

/// What a rank holds, in bytes. Nil is unknown.
package struct MemoryUse: Hashable, Sendable {
  /// Of the process, now and at most.
  package var processBytes: Int?
  package var peakProcessBytes: Int?
  /// Of its backend for tensors, now and at most.
  package var tensorBytes: Int?
  package var peakTensorBytes: Int?

  package init() {}
}
