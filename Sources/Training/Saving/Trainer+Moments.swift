internal import Checkpoints
internal import ModelIO
internal import Optimizers
internal import Parallel

extension Trainer {
  /// The way of moments between ranks; nil where every rank has all of them.
  var shardedMoments: ShardedMoments? {
    guard config.parallel.shardsOptimizer, group.size > 1 else { return nil }
    return ShardedMoments(optimizer, plan: buckets, group: group)
  }

  /// Takes a checkpoint of now. All ranks call it; those without a saver send their moments if rank 0 needs them.
  func save(_ saver: CheckpointSaver?, isLast: Bool) throws {
    guard let saver else {
      try shardedMoments?.serve()
      return
    }
    let result = Result { try saver.save(state, isLast: isLast) }
    // Whatever has become of the checkpoint, the others wait for this.
    try shardedMoments?.endGathering()
    try result.get()
  }

  /// Fills the weights from a checkpoint of this run.
  func loadWeights(_ checkpoint: CheckpointDirectory) throws {
    try checkpoint.weights.copy(to: model.parameters.weights, layout: model.parameters, path: checkpoint.path)
  }

  /// Fills the moments of the weights that this rank updates from a checkpoint of this run.
  func loadMoments(_ checkpoint: CheckpointDirectory) throws {
    if let shardedMoments {
      return try forEachMoment(of: checkpoint) { moment, range, values in
        shardedMoments.keep(moment, of: range, values ?? [])
      }
    }
    let tensors = try moments(of: checkpoint)
    for (moment, target) in [(AdamW.Moment.first, optimizer.firstMoments), (.second, optimizer.secondMoments)] {
      try tensors.copy(to: target, layout: model.parameters, prefix: moment.tensorPrefix, path: checkpoint.path)
    }
  }

  /// Gives every rank the moments that it keeps, of a checkpoint that rank 0 alone reads.
  func shareMoments(_ checkpoint: CheckpointDirectory?, _ collectives: any Collectives) throws {
    if let shardedMoments {
      return try forEachMoment(of: checkpoint) { moment, range, values in
        try shardedMoments.scatter(moment, of: range, values)
      }
    }
    if let checkpoint { try loadMoments(checkpoint) }
    for buffer in [optimizer.firstMoments, optimizer.secondMoments] {
      collectives.broadcast(buffer, from: 0, after: backend.pool.memory.recordEvent())
    }
    try collectives.join()
  }

  /// Both moments of one parameter after the other; no values on ranks that do not have the checkpoint.
  private func forEachMoment(
    of checkpoint: CheckpointDirectory?, _ body: (AdamW.Moment, Range<Int>, [Float]?) throws -> Void
  ) throws {
    let layout = model.parameters
    for moment in AdamW.Moment.allCases {
      for (spec, range) in zip(layout.specs, layout.ranges) {
        let values = try checkpoint.map { checkpoint in
          let tensors = try moments(of: checkpoint)
          let name = moment.tensorPrefix + spec.name
          try tensors.require(name, shape: spec.shape, path: checkpoint.path)
          return try tensors.floats(name)
        }
        try body(moment, range, values)
      }
    }
  }

  private func moments(of checkpoint: CheckpointDirectory) throws(TrainerError) -> TensorCollection {
    guard let moments = checkpoint.optimizer else {
      throw .notResumable(checkpoint: checkpoint.path, missing: "optimizer tensors")
    }
    return moments
  }
}
