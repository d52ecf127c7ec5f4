package import TensorCore

extension ChunkedBlock {
  package func makeCache(sequenceCount: Int, length: Int, chunkSize: Int, tape: Tape) -> ChunkedCache {
    attention.makeCache(sequenceCount: sequenceCount, length: length, chunkSize: chunkSize, tape: tape)
  }

  /// Runs the block on the beginning of sequences, `[B·T, D]`; the stream that comes out has all rows, or the last of
  /// each sequence.
  package func begin(
    _ stream: ResidualStream, layout: ChunkLayout, queryCount: Int, cache: ChunkedCache, rotary: RotaryTable, tape: Tape
  ) -> ResidualStream {
    let (sum, normed) = TransformerBlock.norm(stream, weight: norm, epsilon: normEpsilon, tape: tape)
    let branch = attention.begin(normed, layout: layout, cache: cache, rotary: rotary, tape: tape)
    func last(_ x: Tensor) -> Tensor { tape.selectLast(queryCount, of: layout.length, from: x) }
    return feedForward(last(sum), plus: last(branch), tape: tape)
  }

  /// Runs the block on one more token of each sequence, `[B, D]`.
  package func callAsFunction(
    _ stream: ResidualStream, position: Int, cache: ChunkedCache, rotary: RotaryTable, tape: Tape
  ) -> ResidualStream {
    let (sum, normed) = TransformerBlock.norm(stream, weight: norm, epsilon: normEpsilon, tape: tape)
    let branch = attention.advance(normed, position: position, cache: cache, rotary: rotary, tape: tape)
    return feedForward(sum, plus: branch, tape: tape)
  }
}
