package import TensorCore

/// Where the rows of a CAT lie whose sequences differ in length: the layout of each length's sequences after that of the
/// length before.
package struct ChunkLayouts: Hashable, Sendable {
  package let layouts: [ChunkLayout]
  package let chunkSize: Int
  package let hasSeparators: Bool

  package init(_ sequences: Sequences, chunkSize: Int, hasSeparators: Bool = false) {
    self.chunkSize = chunkSize
    self.hasSeparators = hasSeparators
    layouts = sequences.groups.map {
      ChunkLayout(sampleCount: $0.count, length: $0.length, chunkSize: chunkSize, hasSeparators: hasSeparators)
    }
  }

  /// The layout of sequences that all have one length.
  package var only: ChunkLayout {
    precondition(layouts.count == 1, "chunk layouts: \(layouts.count) lengths")
    return layouts[0]
  }

  package var rowCount: Int { sum(\.rowCount) }
  package var sampleCount: Int { sum(\.sampleCount) }
  /// Full chunks of all sequences.
  package var chunkCount: Int { sum(\.chunkCount) }
  /// Separators of all sequences.
  package var separatorCount: Int { layouts.reduce(0) { $0 + $1.sampleCount * $1.separatorCount } }
  /// Whether every token is in a full chunk.
  package var areWhole: Bool { layouts.allSatisfy { $0.length % chunkSize == 0 } }

  // As those of a layout.

  package var startRows: JoinedIndices<IndexRuns> { joined(\.startRows, of: \.rowCount) }
  package var chunkRows: JoinedIndices<IndexRuns> { joined(\.chunkRows, of: \.rowCount) }
  package var separatorRows: JoinedIndices<ChunkLayoutRows> { joined(\.separatorRows, of: \.rowCount) }
  package var tokenPositions: JoinedIndices<ChunkLayoutRows> { joined(\.tokenPositions, of: \.tokenCount) }
  package var tokenRows: JoinedIndices<ChunkLayoutRows> { joined(\.tokenRows, of: \.rowCount) }
  /// With separators counted among the locals of all sequences.
  package var outputRows: JoinedIndices<ChunkLayoutRows> {
    joined(\.outputRows, of: hasSeparators ? \.allLocalCount : \.rowCount)
  }
  package var fullChunkPositions: JoinedIndices<IndexRuns> { joined(\.fullChunkPositions, of: \.tokenCount) }
  package var fullChunkIndices: JoinedIndices<IndexRuns> { joined(\.fullChunkIndices, of: nil) }

  /// - Parameter extent: by how much one layout's indices move those of the next; nil: not at all.
  private func joined<Part: IndexRecipe>(
    _ part: KeyPath<ChunkLayout, Part>, of extent: KeyPath<ChunkLayout, Int>?
  ) -> JoinedIndices<Part> {
    var start = 0
    return JoinedIndices(
      parts: layouts.map { layout in
        defer { start += extent.map { layout[keyPath: $0] } ?? 0 }
        return .init(recipe: layout[keyPath: part], start: start)
      })
  }

  private func sum(_ count: KeyPath<ChunkLayout, Int>) -> Int { layouts.reduce(0) { $0 + $1[keyPath: count] } }
}

/// The indices of one recipe after those of another, each counted from a start.
package struct JoinedIndices<Recipe: IndexRecipe>: IndexRecipe {
  struct Part: Hashable, Sendable {
    let recipe: Recipe
    let start: Int
  }

  let parts: [Part]

  package func makeIndices() -> [Int32] {
    parts.flatMap { part in
      let start = Int32(part.start)
      return part.recipe.makeIndices().map { $0 + start }
    }
  }
}
