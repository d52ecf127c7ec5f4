internal import TensorCore

extension Tape {
  /// `recompute` if attention's projection is not to be kept.
  func savingAttention(_ recompute: @escaping Recompute) -> Recompute? {
    recomputation == .attention ? recompute : nil
  }

  /// Runs what follows the norm at a block's beginning, a segment of which the stream alone is kept if blocks are run again.
  ///
  /// - Parameters:
  ///   - sum: the stream.
  ///   - normed: its norm.
  ///   - recompute: recomputes `normed`.
  ///   - body: gets both as it has to use them.
  func recomputing(
    _ sum: Tensor, _ normed: Tensor, recompute: @escaping Recompute,
    _ body: @escaping (_ tape: Tape, _ sum: Tensor, _ normed: Tensor) -> ResidualStream
  ) -> ResidualStream {
    let segmentInputs = [SegmentInput(sum), SegmentInput(normed, recompute: recompute)]
    let results = recomputing(.blocks, segmentInputs) { tape, inputs in
      let stream = body(tape, inputs[0], inputs[1])
      return [stream.base] + (stream.delta.map { [$0] } ?? [])
    }
    return ResidualStream(results[0], delta: results.count > 1 ? results[1] : nil)
  }
}
