internal import Layers
internal import TensorCore

/// What generation reads of a model whose decoder sees compressed chunks.
struct CATDecoder {
  let compressor: Compressor
  let embeddings: Tensor
  /// The row before the first chunk: a table and which row of it.
  let start: (table: Tensor, row: Int)
  /// Stands before the tokens of each chunk; nil where the vector before a chunk predicts its first token.
  let separator: Tensor?
  let blocks: [TransformerBlock]
  let rotary: RotaryTable
  let finalNorm: Tensor
  let normEpsilon: Float
}
