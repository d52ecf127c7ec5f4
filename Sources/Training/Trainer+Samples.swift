internal import Generation
internal import JSON
internal import Logging
internal import Models
internal import Optimizers
internal import Parallel
internal import Telemetry
internal import TensorCore
internal import Tokenizers

extension Trainer {
  /// Whether texts are written after `step` steps: every so often, and after the last.
  func isSampleDue(_ step: Int, isLast: Bool) -> Bool {
    let interval = config.train.samples.interval
    return interval > 0 && (isLast || step % interval == 0)
  }

  /// Continues the configured prompt at every chunk size with the weights of now. All ranks call it; they share the
  /// chunk sizes among them, and rank 0 records what came out.
  ///
  /// The texts are a function of the weights alone, and nothing of the run's state changes. A text that the model cannot
  /// write is a warning.
  func writeSamples(_ recorder: RunRecorder) throws {
    let sizes = config.train.chunks.sizes
    var own: [JSONValue] = []
    for index in stride(from: group.rank, to: sizes.count, by: group.size) {
      group.note(step: state.step, phase: .samples)
      own.append(sample(chunkSize: sizes[index]))
    }
    let all = try group.allGather(JSONValue.list(own).json()).map {
      try JSONValue(json: $0, source: "a rank").listValue
    }
    guard group.rank == 0 else { return }
    for (index, size) in sizes.enumerated() {
      let sample = all[index % group.size]?[index / group.size]
      if let text = sample?["text"]?.textValue {
        recorder.recordSample(chunkSize: config.model.chunkSizes == nil ? nil : size, text: text, step: state.step)
      } else {
        let reason = sample?["error"]?.textValue ?? "unknown"
        logger.warning(
          "no sample text", metadata: ["step": "\(state.step)", "chunk_size": "\(size)", "reason": "\(reason)"])
      }
    }
  }

  /// A `text`, or the `error` that prevented it.
  private func sample(chunkSize: Int) -> JSONValue {
    let samples = config.train.samples
    let generator = Generator(
      model: model, backend: backend,
      sampling: SamplingSettings(temperature: samples.temperature, seed: config.train.seed))
    guard let tokenizer else { return ["error": "no tokenizer"] }
    let prompt = tokenizer.encodePrompt(Array(samples.prompt.utf8))
    do {
      let found = try generator.generate([prompt], count: samples.tokenCount, chunkSize: chunkSize)
      return ["text": .text(tokenizer.continuation(of: prompt, by: found.tokens[0]))]
    } catch {
      return ["error": .text("\(error)")]
    }
  }
}

// MARK: Histograms

extension Trainer {
  /// Whether weights and gradients are counted after `step` steps.
  func isHistogramDue(_ step: Int) -> Bool {
    let interval = config.logging.histogramInterval
    return interval > 0 && step % interval == 0
  }

  /// Records how the values of each weight, and the gradients of the step that is done, are spread. On rank 0, which waits
  /// for them; others have nothing to do. Gradients are those before clipping; where ranks share the update, of the
  /// weights that rank 0 updates.
  func recordHistograms(_ recorder: RunRecorder) {
    guard group.rank == 0, let gradients = model.parameters.gradients else { return }
    var histograms: [Histogram] = []
    for (spec, range) in zip(model.parameters.specs, model.parameters.ranges) {
      histograms += [Histogram("weights/\(spec.name)", of: model.parameters.weights.rows(range).values)].compactMap {
        $0
      }
      guard optimizer.owned.contains(where: { $0.lowerBound <= range.lowerBound && range.upperBound <= $0.upperBound })
      else { continue }
      histograms += [Histogram("gradients/\(spec.name)", of: gradients.rows(range).values)].compactMap { $0 }
    }
    recorder.recordHistograms(histograms, step: state.step)
  }
}
