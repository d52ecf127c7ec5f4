internal import CKernels

// Products in bfloat16. Operands that lie in memory in single precision are rounded by packing, so that no pass over
// them is for that alone. The right operand is packed once for all threads; rows of the left one by the thread that
// multiplies them, which finds them in its own cache, unless they lie in memory as packing would leave them.
extension CPUBackend {
  func multiplyRounded(_ product: Product) {
    let isShared = product.isShared(among: threadCount)
    let slotCount = isShared ? threadCount : 1
    let blocks = ProductBlocks(product, threadCount: slotCount, hasTiles: instructionLevel == .amxBFloat16)
    unsafe withScratch(UInt32.self, count: blocks.panelPairCount + threadCount * blocks.rowPairCount) { panels in
      let rows = unsafe panels + blocks.panelPairCount
      for depth in blocks.depths {
        for columns in blocks.columns {
          let packed = blocks.packedColumns(of: columns)
          forEachTask(count: packed.count, slotCount: min(packed.count, slotCount)) { task, _ in
            unsafe pack(packed[task], depth, of: product, columns, to: panels)
          }
          let tiles = blocks.tiles(of: columns)
          forEachTask(count: tiles.count, slotCount: min(tiles.count, slotCount)) { task, slot in
            unsafe multiply(tiles[task], depth, of: product, columns, panels, rows + slot * blocks.rowPairCount)
          }
        }
      }
    }
  }

  /// Packs `packed` of the right operand's `columns`.
  private func pack(
    _ packed: Range<Int>, _ depth: Range<Int>, of product: Product, _ columns: Range<Int>,
    to panels: UnsafeMutablePointer<UInt32>
  ) {
    let b = product.b
    unsafe kernels.pack_panels(
      b.dtype.kernelType, b.element(depth.lowerBound, packed.lowerBound), b.stride, b.isTransposed ? 1 : 0,
      packed.count, depth.count, panels + (packed.lowerBound - columns.lowerBound) * ck_pair_count(depth.count))
  }

  private func multiply(
    _ tile: Product.Panel, _ depth: Range<Int>, of product: Product, _ columns: Range<Int>,
    _ panels: UnsafeMutablePointer<UInt32>, _ rows: UnsafeMutablePointer<UInt32>
  ) {
    let (a, c) = (product.a, product.c)
    let start = unsafe a.element(tile.rows.lowerBound, depth.lowerBound)
    let isPacked = unsafe a.isPacked(from: start, depth: depth.count)
    if !isPacked {
      unsafe kernels.pack_rows(
        a.dtype.kernelType, start, a.stride, a.isTransposed ? 1 : 0, tile.rows.count, depth.count, rows)
    }
    unsafe kernels.multiply_packed(
      isPacked ? UnsafePointer(start.assumingMemoryBound(to: UInt32.self)) : UnsafePointer(rows),
      isPacked ? a.stride / 2 : ck_pair_count(depth.count), tile.rows.count,
      panels + (tile.columns.lowerBound - columns.lowerBound) * ck_pair_count(depth.count), tile.columns.count,
      depth.count, product.scale, product.accumulate || depth.lowerBound > 0 ? 1 : 0, c.dtype.kernelType,
      c.element(tile.rows.lowerBound, tile.columns.lowerBound), c.stride)
  }
}

extension Product.Operand {
  /// Whether rows from an address on are pairs as packing makes them: nothing to round, to turn or to fill up.
  fileprivate func isPacked(from start: UnsafeMutableRawPointer, depth: Int) -> Bool {
    dtype == .bfloat16 && !isTransposed && stride.isMultiple(of: 2) && depth.isMultiple(of: 32)
      && Int(bitPattern: start).isMultiple(of: MemoryLayout<UInt32>.alignment)
  }
}
