internal import Generation
internal import Models
internal import Parallel
internal import Settings
internal import TensorCore

extension Trainer {
  /// Whether texts are written after the step that is done: every so often, and after the last.
  func isSampleDue(isLast: Bool) -> Bool {
    let interval = config.train.samples.interval
    return interval > 0 && (isLast || state.step % interval == 0)
  }

  /// Continues the configured prompt at every chunk size with the weights of now. All ranks call it; they share the
  /// chunk sizes among them, and rank 0 records what came out.
  ///
  /// The texts are a function of the weights alone, and nothing of the run's state changes.
  func writeSamples(_ recorder: RunRecorder) throws {
    guard let tokenizer = config.data.tokenizer else { return }
    let (samples, sizes) = (config.train.samples, config.train.chunks.sizes)
    let prompt = config.samplePrompt
    let generator = Generator(
      model: model, backend: backend,
      sampling: SamplingSettings(temperature: samples.temperature, seed: config.train.seed))
    var texts: [Setting] = []
    for index in stride(from: group.rank, to: sizes.count, by: group.size) {
      group.note(step: state.step, phase: .samples)
      let found = generator.generate([prompt], count: samples.tokenCount, chunkSize: sizes[index])
      texts.append(.text(tokenizer.decode(found.tokens[0])))
    }
    let ofRanks = try group.gather(Setting.list(texts).json()).map { try Setting(json: $0, source: "a rank").listValue }
    for (index, size) in sizes.enumerated() {
      let text = ofRanks[index % group.size]?[index / group.size].textValue ?? ""
      recorder.recordSample(
        step: state.step, chunkSize: config.model.chunkSizes == nil ? nil : size, text: text, logger: logger)
    }
  }
}
