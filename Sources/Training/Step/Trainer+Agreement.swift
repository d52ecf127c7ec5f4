internal import Checkpoints
internal import JSON
internal import Parallel

extension Trainer {
  /// Whether ranks compare what they have before the next step.
  ///
  /// - Parameters:
  ///   - step: steps before it.
  ///   - startStep: where this start of the run began.
  func isCheckDue(_ step: Int, startStep: Int) -> Bool {
    let interval = config.parallel.checkInterval
    return group.size > 1 && interval > 0 && (step == startStep || step % interval == 0)
  }

  /// Compares configuration, step, chunk sizes, samples and weights over all ranks. All ranks call it.
  ///
  /// - Throws: ``TrainerError/disagreement(step:differences:)`` on all ranks if one has something else.
  func checkAgreement() throws {
    let (step, train) = (state.step, config.train)
    var agreement = Agreement()
    agreement.add("program version", ContentDigest(ProgramVersion.current.version))
    agreement.add("configuration", ContentDigest(config.resolved.json(pretty: false)))
    agreement.add("training data", data?.digest ?? ContentDigest())
    agreement.add("step", ContentDigest([step]))
    let chunkSizes = (0..<train.accumulation).map {
      train.chunks.size(step: step, microBatch: $0, accumulation: train.accumulation, seed: train.seed)
    }
    agreement.add("chunk sizes", ContentDigest(chunkSizes))
    let batch = training.batch(step: step, globalBatch: train.batchSize, samples: 0..<train.batchSize)
    agreement.add("samples", ContentDigest(batch.inputs + batch.targets + batch.lengths.map(Int32.init)))
    var weights = ContentDigest()
    model.parameters.weights.withReadView { bytes in unsafe weights.add(bytes) }
    agreement.add("weights", weights)
    let differences = try agreement.differences(in: group)
    if !differences.isEmpty { throw TrainerError.disagreement(step: step, differences: differences) }
  }
}
