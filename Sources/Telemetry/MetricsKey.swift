/// The kinds of lines that `metrics.jsonl` has.
package enum MetricsLine: String, CaseIterable, Sendable {
  /// What a step did.
  case training
  /// What a validation at one chunk size found.
  case validation
  /// What the model of now wrote at one chunk size.
  case sample
  /// A checkpoint that was written.
  case checkpoint
  /// Something that training waited for between two steps.
  case stall
  /// How a start of the run ended.
  case end
}

/// The keys of `metrics.jsonl`, in the order in which a line has them. This is the one place that declares them.
package enum MetricsKey: String, CaseIterable, Sendable {
  case step
  case loss
  case validationLoss = "validation_loss"
  case accuracy
  case chunkSize = "chunk_size"
  case learningRate = "learning_rate"
  case gradientNorm = "gradient_norm"
  case tokens
  case targets
  case seconds
  case dataSeconds = "data_seconds"
  case forwardSeconds = "forward_seconds"
  case backwardSeconds = "backward_seconds"
  case communicationSeconds = "communication_seconds"
  case optimizerSeconds = "optimizer_seconds"
  case deviceSeconds = "device_seconds"
  case otherSeconds = "other_seconds"
  case tokensPerSecond = "tokens_per_second"
  case utilization = "mfu"
  case memoryBytes = "memory_bytes"
  case peakMemoryBytes = "peak_memory_bytes"
  case tensorBytes = "tensor_bytes"
  case peakTensorBytes = "peak_tensor_bytes"
  case prompt
  case text
  case skipped
  case spike
  case checkpointStallSeconds = "checkpoint_stall_seconds"
  case checkpoint
  case bytes
  case writeSeconds = "write_seconds"
  case stall
  case stallSeconds = "stall_seconds"
  case end
  case reason
  case elapsedSeconds = "elapsed_seconds"
  case time

  /// What readers of the file have to know of a key.
  package struct Declaration: Sendable {
    package let type: String
    package let lines: [MetricsLine]
    package let meaning: String

    fileprivate init(_ type: String, _ lines: [MetricsLine], _ meaning: String) {
      self.type = type
      self.lines = lines
      self.meaning = meaning
    }
  }

  package var declaration: Declaration {
    switch self {
    case .step:
      Declaration("integer", MetricsLine.allCases, "steps that are done, from 1")
    case .loss:
      Declaration(
        "number", [.training], "mean loss of the step's batch before the update, over all ranks, in nats a target")
    case .validationLoss:
      Declaration("number", [.validation], "mean loss on the validation data, in nats a target")
    case .accuracy:
      Declaration("number", [.validation], "share of the targets that the model finds most likely")
    case .chunkSize:
      Declaration(
        "integer or list", [.training, .validation, .sample],
        "tokens a chunk; a list where micro-batches of the step differ; absent for models without chunk sizes")
    case .learningRate:
      Declaration("number", [.training], "learning rate of the update")
    case .gradientNorm:
      Declaration("number", [.training], "norm of all gradients before clipping")
    case .tokens:
      Declaration("integer", [.training], "tokens trained on since step 1, over all ranks")
    case .targets:
      Declaration("integer", [.training, .validation], "targets that the loss is the mean of")
    case .seconds:
      Declaration(
        "number", [.training], "time since the step before ended, without validation and the stall of a checkpoint")
    case .dataSeconds:
      Declaration("number", [.training], "how long rank 0 waited for the step's batches, within `seconds`")
    case .forwardSeconds:
      Declaration("number", [.training], "forward passes of rank 0, within `seconds`")
    case .backwardSeconds:
      Declaration("number", [.training], "backward passes of rank 0, within `seconds`")
    case .communicationSeconds:
      Declaration(
        "number", [.training],
        "how long rank 0 waited for sums over the ranks, within `seconds`; what travels during a backward pass is not in it"
      )
    case .optimizerSeconds:
      Declaration("number", [.training], "gradient norm and update of rank 0, within `seconds`")
    case .deviceSeconds:
      Declaration(
        "number", [.training], "how long rank 0 waited for its device, within `seconds`; absent where it never waits")
    case .otherSeconds:
      Declaration("number", [.training], "what is left of `seconds` beside the six before")
    case .tokensPerSecond:
      Declaration("number", [.training], "tokens of the step over its seconds")
    case .utilization:
      Declaration(
        "number", [.training],
        "model FLOP/s utilisation: operations of the step over its seconds and the ceiling of all ranks, of 1 (logging.mfu)"
      )
    case .memoryBytes:
      Declaration("integer", [.training], "memory that rank 0's process holds")
    case .peakMemoryBytes:
      Declaration("integer", [.training], "the most that it held since this start")
    case .tensorBytes:
      Declaration("integer", [.training], "memory that rank 0's backend holds for tensors")
    case .peakTensorBytes:
      Declaration("integer", [.training], "the most that it held since this start")
    case .prompt:
      Declaration("text", [.sample], "what the sample text begins with (train.sample_prompt)")
    case .text:
      Declaration("text", [.sample], "how the model goes on from the prompt")
    case .skipped:
      Declaration(
        "flag", [.training], "true where the update was not made: loss or gradient norm was not finite, or a spike")
    case .spike:
      Declaration("flag", [.training], "true where the loss stood out (train.spike_threshold)")
    case .checkpointStallSeconds:
      Declaration("number", [.training], "how long training waited for checkpoints since the line before")
    case .checkpoint:
      Declaration("text", [.checkpoint], "name of a checkpoint that was written")
    case .bytes:
      Declaration("integer", [.checkpoint], "size of its files")
    case .writeSeconds:
      Declaration("number", [.checkpoint], "how long writing took, in the background or not")
    case .stall:
      Declaration("text", [.stall], "what training waited for: `checkpoint`, `validation`, `samples`, `histograms`")
    case .stallSeconds:
      Declaration("number", [.stall], "how long it waited; no step's `seconds` have it")
    case .end:
      Declaration("text", [.end], "`done`, `stopped` by a signal, or `failed`")
    case .reason:
      Declaration("text", [.end], "what failed")
    case .elapsedSeconds:
      Declaration("number", [.end], "time since this start began to train")
    case .time:
      Declaration("number", MetricsLine.allCases, "when the line was written: seconds since 1970, UTC")
    }
  }

  /// The keys as a table in Markdown, for the documentation.
  package static var table: String {
    let rows = allCases.map { key in
      let declaration = key.declaration
      let lines = declaration.lines == MetricsLine.allCases ? ["all"] : declaration.lines.map(\.rawValue)
      return "| `\(key.rawValue)` | \(lines.joined(separator: ", ")) | \(declaration.type) | \(declaration.meaning) |"
    }
    return (["| key | lines | type | meaning |", "|---|---|---|---|"] + rows).joined(separator: "\n")
  }
}
