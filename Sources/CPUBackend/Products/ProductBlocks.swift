internal import CKernels

/// How a product in bfloat16 is cut. The depth's blocks, whose sums are added to `c` one after the other, do not depend on
/// the number of threads, and all other cuts leave results as they are.
struct ProductBlocks {
  /// Most values along the depth: a panel of them stays in a core's second cache, a tile's rows in the first.
  private static let depthBlock = 384
  /// The same for tiles, whose products are so fast that adding to `c` once more shows.
  private static let tileDepthBlock = 768
  /// Columns that are packed before rows are multiplied by them: their panels stay in the shared cache.
  private static let columnBlock = 4096
  /// Most panels that are packed in one go.
  private static let packedPanels = 4
  /// Fewest panels of a tile: its rows are packed for them all.
  private static let tilePanels = 4
  /// Rows that are multiplied in one go: whole register tiles, packed rows in a core's own caches.
  private static let tileRowCount = 48
  /// Tiles for each thread, so that threads end together.
  private static let tilesPerThread = 4

  let depths: [Range<Int>]
  let columns: [Range<Int>]
  /// Pairs of a tile's rows.
  let rowPairCount: Int
  /// Pairs of a block of columns.
  let panelPairCount: Int
  private let tileRows: [Range<Int>]
  private let tileColumnCount: Int
  private let packedColumnCount: Int

  init(_ product: Product, threadCount: Int, hasTiles: Bool) {
    // Sums of several blocks meet in `c`, where they must not be rounded on the way.
    let isSummed = product.c.dtype == .float32
    let largest = hasTiles ? Self.tileDepthBlock : Self.depthBlock
    let depthBlocks = isSummed ? max(1, Self.count(of: product.depth, by: largest)) : 1
    // Blocks of about the same size, in whole vectors of pairs.
    let depthSize = Self.count(of: Self.count(of: product.depth, by: depthBlocks), by: 32) * 32
    let pairCount = ck_pair_count(depthSize)
    depths = Self.parts(of: 0..<product.depth, by: depthSize)
    columns = Self.parts(of: 0..<product.columnCount, by: Self.columnBlock)
    tileRows = Self.parts(of: 0..<product.rowCount, by: Self.tileRowCount)
    rowPairCount = Self.tileRowCount * pairCount
    let panelCount = Self.count(of: min(product.columnCount, Self.columnBlock), by: CK_PANEL_WIDTH)
    panelPairCount = panelCount * CK_PANEL_WIDTH * pairCount
    // Few rows: columns are divided among the threads as well, each of which packs the same rows.
    let tileCount = threadCount == 1 ? 1 : Self.tilesPerThread * threadCount
    let parts = Self.count(of: tileCount, by: max(1, tileRows.count))
    tileColumnCount = max(Self.tilePanels, Self.count(of: panelCount, by: parts)) * CK_PANEL_WIDTH
    // Panels for every thread, if there are as many.
    packedColumnCount = max(1, min(Self.packedPanels, panelCount / (2 * threadCount))) * CK_PANEL_WIDTH
  }

  /// Columns of a block that are packed in one go.
  func packedColumns(of columns: Range<Int>) -> [Range<Int>] {
    Self.parts(of: columns, by: packedColumnCount)
  }

  /// What is multiplied in one go.
  func tiles(of columns: Range<Int>) -> [Product.Panel] {
    let columnParts = Self.parts(of: columns, by: tileColumnCount)
    return tileRows.flatMap { rows in columnParts.map { Product.Panel(rows: rows, columns: $0) } }
  }

  private static func count(of length: Int, by size: Int) -> Int { (length + size - 1) / size }

  private static func parts(of range: Range<Int>, by size: Int) -> [Range<Int>] {
    stride(from: range.lowerBound, to: range.upperBound, by: size).map {
      $0..<min($0 + size, range.upperBound)
    }
  }
}
