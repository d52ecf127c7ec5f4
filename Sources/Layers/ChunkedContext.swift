package import TensorCore

/// What generation keeps of a CAT layer: keys and values of the dummy, of one vector for each finished chunk and of the
/// current chunk's tokens, and the sum so far of the current chunk's vector, of every sequence.
package final class ChunkedCache {
  let rows: KeyValueCache
  /// `[sequences, E]`.
  let vectors: Tensor
  /// `[E, M·D]`, of the layer.
  private let compression: Tensor
  /// The projection of a chunk to its vector at each chunk size that was wanted, `[E, C·D]`.
  private var compressions: [Int: Tensor] = [:]
  private let width: Int

  init(rows: KeyValueCache, vectors: Tensor, compression: Tensor, width: Int) {
    self.rows = rows
    self.vectors = vectors
    self.compression = compression
    self.width = width
  }

  package var byteCount: Int { rows.byteCount + vectors.count * vectors.dtype.byteCount }

  /// `[E, C·D]`.
  package func compression(chunkSize: Int, tape: Tape) -> Tensor {
    if let made = compressions[chunkSize] { return made }
    let made = tape.resample(compression, width: chunkSize * width)
    compressions[chunkSize] = made
    return made
  }
}

/// Where a CAT layer keeps what it keeps of a sequence.
package struct ChunkedPlace: Hashable, Sendable {
  /// Of its stretch of the cache.
  let firstSlot: Int
  /// Row of its vector.
  let vector: Int

  package init(firstSlot: Int, vector: Int) {
    self.firstSlot = firstSlot
    self.vector = vector
  }
}

/// The beginnings of equally long sequences, as caches take them.
package struct ChunkedBeginning {
  /// `[R, 4]`, as ``CachedRows``.
  let rows: Tensor
  /// Rows of the sequences' vectors.
  let vectors: Tensor

  package init(_ layout: ChunkLayout, places: [ChunkedPlace], tape: Tape) {
    rows = tape.upload(layout.cachedRows(firstSlots: places.map(\.firstSlot)))
    vectors = tape.upload(places.map { Int32($0.vector) })
  }
}

/// One more token of each of some sequences.
package struct ChunkedTokens {
  /// A sequence's token.
  package struct Token {
    let place: ChunkedPlace
    /// Tokens before it.
    let position: Int
    let chunkSize: Int

    package init(_ place: ChunkedPlace, position: Int, chunkSize: Int) {
      self.place = place
      self.position = position
      self.chunkSize = chunkSize
    }

    var offset: Int { position % chunkSize }
    var endsChunk: Bool { offset == chunkSize - 1 }

    var cachedRow: CachedRow {
      let chunk = position / chunkSize
      return endsChunk
        ? CachedRow(sequence: place.firstSlot, slot: chunk + 1, position: 0)
        : CachedRow(sequence: place.firstSlot, slot: chunk + 1 + offset, position: 1 + offset)
    }
  }

  /// Tokens and the vectors of their sequences.
  struct Part {
    /// Rows of the tokens; nil for all.
    let tokens: Tensor?
    let vectors: Tensor
  }

  /// Tokens at the same place of chunks of one size.
  struct Group {
    let chunkSize: Int
    let offset: Int
    let part: Part
  }

  /// `[R, 4]`, as ``CachedRows``.
  let rows: Tensor
  let groups: [Group]
  /// Those that end their chunk; nil if none does.
  let ending: Part?
  /// Rows of the others; nil if there are none.
  let others: Tensor?

  package init(_ tokens: [Token], tape: Tape) {
    func part(_ indices: [Int]) -> Part {
      let lists = tape.upload([indices.map(Int32.init), indices.map { Int32(tokens[$0].place.vector) }])
      return Part(tokens: indices.count == tokens.count ? nil : lists[0], vectors: lists[1])
    }
    rows = tape.upload(tokens.map(\.cachedRow))
    let alike = Dictionary(grouping: tokens.indices) { [tokens[$0].chunkSize, tokens[$0].offset] }
    groups = alike.sorted { $0.value[0] < $1.value[0] }.map { key, indices in
      Group(chunkSize: key[0], offset: key[1], part: part(indices))
    }
    let ends = tokens.indices.filter { tokens[$0].endsChunk }
    ending = ends.isEmpty ? nil : part(ends)
    let rest = tokens.indices.filter { !tokens[$0].endsChunk }
    others = rest.isEmpty ? nil : tape.upload(rest.map(Int32.init))
  }
}

/// What the tokens of a call are to a CAT layer.
package enum ChunkedContext {
  /// Sequences from their beginning; a cache, if there is one, takes what later tokens need of them.
  case beginning(ChunkLayouts, kept: (ChunkedBeginning, in: ChunkedCache)?)
  case tokens(ChunkedTokens, in: ChunkedCache)

  /// The context of the attention within.
  func attention(_ shape: ChunkedAttentionShape) -> AttentionContext {
    switch self {
    case .beginning(let layouts, let kept):
      .patterns(shape.attention(layouts), kept: kept.map { CachedRows($0.0.rows, in: $0.in.rows) })
    case .tokens(let tokens, let cache):
      .cache(CachedRows(tokens.rows, in: cache.rows))
    }
  }

  /// The attention's row whose output is that of each token; nil where these are the rows.
  func outputRows(_ tape: Tape) -> Tensor? {
    switch self {
    case .beginning(let layouts, _): tape.indices(layouts.outputRows)
    case .tokens: nil
    }
  }
}
