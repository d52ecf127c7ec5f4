internal import TensorCore

extension Tape {
  /// `remaking` if attention's projection is not to be kept.
  func savingAttention(_ remaking: @escaping Remaking) -> Remaking? {
    recomputation == .attention ? remaking : nil
  }

  /// Runs what follows the norm at a block's beginning, a part of which the stream alone is kept if blocks are run again.
  ///
  /// - Parameters:
  ///   - sum: the stream.
  ///   - normed: its norm.
  ///   - remaking: makes `normed` again.
  ///   - body: gets both as it has to use them.
  func recomputing(
    _ sum: Tensor, _ normed: Tensor, remaking: @escaping Remaking,
    _ body: @escaping (_ tape: Tape, _ sum: Tensor, _ normed: Tensor) -> ResidualStream
  ) -> ResidualStream {
    let results = recomputing(.blocks, [PartInput(sum), PartInput(normed, remaking: remaking)]) { tape, inputs in
      let stream = body(tape, inputs[0], inputs[1])
      return [stream.base] + (stream.delta.map { [$0] } ?? [])
    }
    return ResidualStream(results[0], delta: results.count > 1 ? results[1] : nil)
  }
}
