/// What of a forward pass the backward pass runs again instead of keeping it. Losses and gradients are the same to the
/// bit; only memory and time differ.
package enum Recomputation: String, CaseIterable, Hashable, Sendable {
  /// Norms alone, which cost next to nothing: all else that the backward pass reads is kept.
  case none
  /// Attention's projection too. Of a block are kept the stream before attention and before the MLP, attention's
  /// output, and the gate and up projections.
  case attention
  /// Whole blocks. Of a block is kept the stream that enters it.
  case blocks
}

/// Recomputes a tensor that an op read out of what is kept; the tape that it gets does not record.
package typealias Recompute = (Tape) -> Tensor

/// A tensor that an op or a segment of the forward pass reads, as the backward pass finds it.
struct SavedTensor {
  let place: GradientPlace
  /// Nil where it is made again.
  private let kept: Tensor?
  private let recompute: Recompute?

  init(_ tensor: Tensor, recompute: Recompute?) {
    place = tensor.place
    kept = recompute == nil ? tensor : nil
    self.recompute = recompute
  }

  /// The tensor: itself, or made again in new memory.
  ///
  /// - Parameter tape: one like that which made it.
  func restored(like tape: Tape) -> Tensor {
    if let kept { return kept }
    guard let recompute else { preconditionFailure("saved tensor \(place.shape): neither kept nor made again") }
    let made = recompute(Tape(backend: tape.backend, isRecording: false, types: tape.types))
    precondition(made.shape == place.shape, "made again as \(made.shape), was \(place.shape)")
    return Tensor(
      storage: made.storage, offset: made.offset, shape: made.shape, dtype: made.dtype, origin: place.origin)
  }
}
