internal import Checkpoints
internal import Optimizers
internal import Parallel
internal import TensorCore

/// The moments of a sharded optimizer on their way to rank 0's checkpoints and back, a piece at a time: no rank ever
/// holds more than its own and one piece.
///
/// Rank 0 asks for what its writer wants next; the others ``serve()`` until it is through.
final class ShardedMoments {
  private let optimizer: AdamW
  private let plan: BucketPlan
  private let group: any ProcessGroup

  init(_ optimizer: AdamW, plan: BucketPlan, group: any ProcessGroup) {
    self.optimizer = optimizer
    self.plan = plan
    self.group = group
  }

  /// On rank 0: all moments under their names, to be gathered as they are written.
  func named(_ layout: ParameterStore) -> [NamedTensor] {
    AdamW.Moment.allCases.flatMap { moment in
      zip(layout.specs, layout.ranges).map { spec, range in
        NamedTensor(
          name: moment.tensorPrefix + spec.name, type: .float32, shape: spec.shape,
          source: .pieces { [self] target, offset in
            let start = range.lowerBound + offset / DType.float32.byteCount
            unsafe try gather(moment, from: start, into: target.bindMemory(to: Float.self))
          })
      }
    }
  }

  /// On rank 0: fills `target` with a moment of the weights from `start` on, wherever it is.
  func gather(_ moment: AdamW.Moment, from start: Int, into target: UnsafeMutableBufferPointer<Float>)
    throws(ParallelError)
  {
    let range = start..<start + target.count
    try announce([moment.rawValue, range.lowerBound, range.upperBound])
    for (owner, part) in plan.owners(of: range, rankCount: group.size) {
      let place = unsafe UnsafeMutableRawBufferPointer(
        rebasing: UnsafeMutableRawBufferPointer(target)[bytes(of: part, from: start)])
      if owner == group.rank {
        optimizer.moment(moment, of: part).withReadView { own in unsafe place.copyMemory(from: own) }
      } else {
        unsafe try group.receive(place, from: owner)
      }
    }
  }

  /// On rank 0: lets the others go on.
  func endGathering() throws(ParallelError) {
    try announce([-1, 0, 0])
  }

  /// On the other ranks: gives rank 0 what it asks for, until it is through.
  func serve() throws(ParallelError) {
    while true {
      let request = try announce([0, 0, 0])
      guard let moment = AdamW.Moment(rawValue: request[0]) else { return }
      for (owner, part) in plan.owners(of: request[1]..<request[2], rankCount: group.size) where owner == group.rank {
        try optimizer.moment(moment, of: part).withReadView { (own) throws(ParallelError) in
          unsafe try group.send(own, to: 0)
        }
      }
    }
  }

  /// Gives each rank its own part of a moment of `range`. All ranks call it alike.
  ///
  /// - Parameter values: on rank 0, the whole of it.
  func scatter(_ moment: AdamW.Moment, of range: Range<Int>, _ values: [Float]?) throws(ParallelError) {
    for (owner, part) in plan.owners(of: range, rankCount: group.size) {
      if let values, owner != group.rank {
        try values.withUnsafeBufferPointer { (all) throws(ParallelError) in
          let all = UnsafeRawBufferPointer(all)
          unsafe try group.send(
            UnsafeRawBufferPointer(rebasing: all[bytes(of: part, from: range.lowerBound)]), to: owner)
        }
      } else if owner == group.rank, values == nil {
        try optimizer.moment(moment, of: part).withWriteView { (own) throws(ParallelError) in
          unsafe try group.receive(own, from: 0)
        }
      }
    }
    if let values { keep(moment, of: range, values) }
  }

  /// Takes this rank's own part of a moment of `range`.
  func keep(_ moment: AdamW.Moment, of range: Range<Int>, _ values: [Float]) {
    for (owner, part) in plan.owners(of: range, rankCount: group.size) where owner == group.rank {
      let start = range.lowerBound
      optimizer.moment(moment, of: part).assign(Array(values[part.lowerBound - start..<part.upperBound - start]))
    }
  }

  private func bytes(of part: Range<Int>, from start: Int) -> Range<Int> {
    let size = DType.float32.byteCount
    return (part.lowerBound - start) * size..<(part.upperBound - start) * size
  }

  @discardableResult
  private func announce(_ request: [Int]) throws(ParallelError) -> [Int] {
    var request = request
    try request.withUnsafeMutableBufferPointer { (numbers) throws(ParallelError) in
      unsafe try group.broadcast(UnsafeMutableRawBufferPointer(numbers), from: 0)
    }
    return request
  }
}
