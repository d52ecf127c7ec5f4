// Products of packed operands in matrix tiles (AMX), of which a core has eight.
//
// A tile holds 16 rows of 64 bytes: of `a`, 16 rows of 16 pairs; of a panel, 16 pairs of 16 columns; of `c`, 16 × 16
// sums. One instruction adds the products of the first two to the third, so a block of two by two tiles of sums takes
// one load for each such instruction. The last rows have tiles of fewer rows, whose sums are the same as in full ones.
// The tiles are released at the end of a call: until then the system saves them with the thread.

#pragma once

#include "BFloat16.hpp"

namespace CK_LEVEL {

constexpr int tile_side = 16, tile_block_side = 2 * tile_side;

/// The tiles' sizes, as the processor reads them.
struct tile_sizes {
  uint8_t palette, firstRow, unused[14];
  uint16_t rowBytes[16];
  uint8_t rowCounts[16];
};

/// Tiles for blocks of `rows <= tile_block_side` rows: 0 to 3 for sums, 4 and 5 for `a`, 6 and 7 for a panel.
CK_INLINE void configure_tiles(long rows) {
  const uint8_t upper = (uint8_t)(rows < tile_side ? rows : tile_side), lower = (uint8_t)(rows - upper);
  const uint8_t rowCounts[8] = {upper, upper, lower, lower, upper, lower, tile_side, tile_side};
  alignas(64) tile_sizes sizes = {.palette = 1, .firstRow = 0, .unused = {}, .rowBytes = {}, .rowCounts = {}};
  for (int i = 0; i < 8; i++) {
    // A tile has both rows and columns or neither.
    sizes.rowBytes[i] = rowCounts[i] > 0 ? 64 : 0;
    sizes.rowCounts[i] = rowCounts[i];
  }
  _tile_loadconfig(&sizes);
}

/// Stores a block's sums, the rows of `to` `stride` apart.
template <int rowTiles, int columnTiles>
CK_INLINE void store_tiles(float *to, long stride) {
  _tile_stored(0, to, stride * 4);
  if (columnTiles > 1) _tile_stored(1, to + tile_side, stride * 4);
  if (rowTiles > 1) _tile_stored(2, to + tile_side * stride, stride * 4);
  if (rowTiles > 1 && columnTiles > 1) _tile_stored(3, to + tile_side * stride + tile_side, stride * 4);
}

/// Sums over `pairs` pairs of a block of `rowTiles × columnTiles` tiles, to the tiles for them.
template <int rowTiles, int columnTiles>
CK_INLINE void sum_tiles(const uint32_t *a, long aStride, const uint32_t *panel, long pairs) {
  constexpr bool hasLower = rowTiles > 1, hasRight = columnTiles > 1;
  _tile_zero(0);
  if (hasRight) _tile_zero(1);
  if (hasLower) _tile_zero(2);
  if (hasLower && hasRight) _tile_zero(3);
#pragma clang loop unroll(disable)
  for (long p = 0; p < pairs; p += tile_side) {
    const uint32_t *rows = a + p, *columns = panel + p * CK_PANEL_WIDTH;
    _tile_loadd(4, rows, aStride * 4);
    _tile_loadd(6, columns, CK_PANEL_WIDTH * 4);
    _tile_dpbf16ps(0, 4, 6);
    if (hasRight) {
      _tile_loadd(7, columns + tile_side, CK_PANEL_WIDTH * 4);
      _tile_dpbf16ps(1, 4, 7);
    }
    if (hasLower) {
      _tile_loadd(5, rows + tile_side * aStride, aStride * 4);
      _tile_dpbf16ps(2, 5, 6);
    }
    if (hasLower && hasRight) _tile_dpbf16ps(3, 5, 7);
  }
}

/// What `multiply_packed` makes of its sums: `to[index...] = scale · sums (+ to)`, rows `stride` apart.
struct tile_target {
  float scale;
  int accumulate;
  void *to;
  long stride;
};

/// A block of `rows × columns`, written from `index` on.
template <ck_type type, int rowTiles, int columnTiles>
CK_INLINE void tile_block(
    const uint32_t *a, long aStride, long rows, const uint32_t *panel, long pairs, tile_target target, long index,
    long columns) {
  for (long i = 0; i < rows; i++) {
    for (int j = 0; j < columnTiles; j++) {
      __builtin_prefetch(value_at(type, target.to, index + i * target.stride + j * tile_side), 1);
    }
  }
  sum_tiles<rowTiles, columnTiles>(a, aStride, panel, pairs);
  const int isWhole = columns >= columnTiles * tile_side;
  if (type == CK_FLOAT32 && target.scale == 1 && !target.accumulate && isWhole) {
    store_tiles<rowTiles, columnTiles>((float *)target.to + index, target.stride);
    return;
  }
  alignas(64) float sums[tile_block_side][tile_block_side];
  store_tiles<rowTiles, columnTiles>(sums[0], tile_block_side);
  for (long i = 0; i < rows; i++) {
    for (int j = 0; j < columnTiles * tile_side; j += tile_side) {
      store_sums<type>(
          load16(&sums[i][j]), target.scale, target.accumulate, target.to,
          index + i * target.stride + j, columns - j);
    }
  }
}

/// `rows`, in `rowTiles` tiles, by the columns of one panel.
template <ck_type type, int rowTiles>
CK_INLINE void tile_blocks(
    const uint32_t *a, long aStride, long rows, const uint32_t *panel, long pairs, tile_target target, long index,
    long columns) {
  long j = 0;
  for (; columns - j > tile_side; j += tile_block_side) {
    tile_block<type, rowTiles, 2>(a, aStride, rows, panel + j, pairs, target, index + j, columns - j);
  }
  if (j < columns) tile_block<type, rowTiles, 1>(a, aStride, rows, panel + j, pairs, target, index + j, columns - j);
}

/// Blocks of `rowTiles` tiles and `height` rows each, from row `first` to `end`, by all columns.
template <ck_type type, int rowTiles>
CK_INLINE void tile_panels(
    const uint32_t *a, long aStride, long first, long end, long height, const uint32_t *b, long columns, long depth,
    tile_target target) {
  const long pairs = ck_pair_count(depth);
  configure_tiles(height);
  for (long j = 0; j < columns; j += CK_PANEL_WIDTH) {
    const long width = columns - j < CK_PANEL_WIDTH ? columns - j : CK_PANEL_WIDTH;
    for (long i = first; i < end; i += height) {
      tile_blocks<type, rowTiles>(
          a + i * aStride, aStride, height, b + j * pairs, pairs, target, i * target.stride + j, width);
    }
  }
}

template <ck_type type>
CK_INLINE void multiply_tiles_to(
    const uint32_t *a, long aStride, long rows, const uint32_t *b, long columns, long depth, tile_target target) {
  const long rest = rows % tile_block_side, whole = rows - rest;
  if (whole > 0) tile_panels<type, 2>(a, aStride, 0, whole, tile_block_side, b, columns, depth, target);
  if (rest > tile_side) {
    tile_panels<type, 2>(a, aStride, whole, rows, rest, b, columns, depth, target);
  } else if (rest > 0) {
    tile_panels<type, 1>(a, aStride, whole, rows, rest, b, columns, depth, target);
  }
  _tile_release();
}

/// `multiply_packed` of the table.
static void multiply_packed_in_tiles(
    const uint32_t *a, long aStride, long rows, const uint32_t *b, long columns, long depth, float scale,
    int accumulate, ck_type type, void *c, long cStride) {
  const tile_target target = {scale, accumulate, c, cStride};
  if (type == CK_BFLOAT16) multiply_tiles_to<CK_BFLOAT16>(a, aStride, rows, b, columns, depth, target);
  else multiply_tiles_to<CK_FLOAT32>(a, aStride, rows, b, columns, depth, target);
}

}  // namespace CK_LEVEL
