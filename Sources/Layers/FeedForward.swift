package import TensorCore

/// The second half of a pre-norm block: a SwiGLU MLP on the norm of the stream.
package struct FeedForward {
  private let normEpsilon: Float
  private let norm: Tensor
  private let gateUpWeight: Tensor
  private let downWeight: Tensor

  /// Takes its weights from `parameters` under the names that ``specs(_:names:initializer:)`` listed.
  package init(_ shape: BlockShape, names: BlockNames, parameters: ParameterStore) {
    normEpsilon = shape.normEpsilon
    norm = parameters[names.mlpNorm]
    gateUpWeight = parameters.joined([names.gate, names.up])
    downWeight = parameters[names.down]
  }

  package static func specs(_ shape: BlockShape, names: BlockNames, initializer: BlockInitializer) -> [ParameterSpec] {
    [
      ParameterSpec(names.mlpNorm, [shape.width], .constant(1)),
      ParameterSpec(names.gate, [shape.mlpWidth, shape.width], initializer.weight),
      ParameterSpec(names.up, [shape.mlpWidth, shape.width], initializer.weight),
      ParameterSpec(names.down, [shape.width, shape.mlpWidth], initializer.branchOutput),
    ]
  }

  /// - Parameters:
  ///   - sum: `[rows, D]`, the stream.
  ///   - branch: `[rows, D]`, the first half's output, yet to be added.
  package func callAsFunction(_ sum: Tensor, plus branch: Tensor, tape: Tape) -> ResidualStream {
    let dtype = tape.types.activations
    let (sum, normed) = tape.norm(sum, plus: branch, weight: norm, epsilon: normEpsilon, dtype: dtype)
    let gateUp = tape.linear(
      normed, weight: gateUpWeight,
      recompute: { $0.norm(sum, weight: norm, epsilon: normEpsilon, dtype: dtype) }, dtype: dtype)
    return ResidualStream(sum, delta: tape.gatedLinear(gateUp, weight: downWeight, endsSegment: true))
  }
}
