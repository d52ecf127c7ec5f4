// Products of operands rounded to bfloat16, summed in single precision.
//
// Both operands are packed first: rounded, and neighbours along the depth put into one 32-bit lane, a pair, as the
// instructions for such dot products want them. A row of `a` becomes a row of pairs, of which a tile reads one at a
// time for all lanes; columns of `b` become panels, which hold a pair of each column side by side. Depths are padded
// with zeros on both sides. Where the processor has no such instruction, pairs are widened again and multiplied one by one.

#pragma once

#include "Vectors.hpp"

namespace CK_LEVEL {

/// Rows of an operand that are asked for before they are packed.
constexpr long rows_ahead = 32;
/// Rows of a tile.
constexpr int pair_tile_rows = 6;

/// Pairs of 32 neighbours in memory, of which `count` are there; zeros for the others.
template <ck_type type>
CK_INLINE i32x16 pair_part(const void *values, long index, long count) {
  if (count <= 0) return (i32x16)0;
  if constexpr (type == CK_BFLOAT16) {
    i32x16 pairs = 0;
    const uint16_t *from = (const uint16_t *)values + index;
    if (count >= 32) memcpy(&pairs, from, sizeof pairs);
    else memcpy(&pairs, from, (unsigned long)count * sizeof(uint16_t));
    return pairs;
  }
  const f32x16 first = load_values16<type>(values, index, count);
  return pair_neighbours(first, count > 16 ? load_values16<type>(values, index + 16, count - 16) : splat16(0));
}

/// Pairs of two rows of memory, `stride` apart, at 16 columns.
template <ck_type type>
CK_INLINE i32x16 pair_rows(const void *values, long index, long stride) {
  if constexpr (type == CK_FLOAT32) {
    const float *low = (const float *)values + index;
    return pair16(load16(low), load16(low + stride));
  }
  const uint16_t *low = (const uint16_t *)values + index;
  u16x16 lows, highs;
  memcpy(&lows, low, sizeof lows);
  memcpy(&highs, low + stride, sizeof highs);
  return __builtin_convertvector(lows, i32x16) | __builtin_convertvector(highs, i32x16) << 16;
}

/// The same where `rows` rows and `columns <= 16` columns are there; zeros for the others.
template <ck_type type>
CK_INLINE i32x16 pair_some_rows(const void *values, long index, long stride, long rows, long columns) {
  if (rows <= 0) return (i32x16)0;
  // What is stored as bfloat16 is not changed by rounding.
  const f32x16 low = load_values16<type>(values, index, columns);
  return pair16(low, rows >= 2 ? load_values16<type>(values, index + stride, columns) : splat16(0));
}

/// Asks for two rows of memory that will be read soon: rows lie too far apart for the processor to see by itself which
/// come next.
template <ck_type type>
CK_INLINE void prefetch_pair(const void *values, long index, long stride) {
  __builtin_prefetch(value_at(type, values, index));
  __builtin_prefetch(value_at(type, values, index + stride));
}

/// Exchanges, between vectors `half` apart, blocks of `half` lanes.
///
/// - lanes: of two vectors, side by side, those that make the lower one; the upper one's are `half` lanes further.
template <int half, int... lanes>
CK_INLINE void exchange_blocks(i32x16 x[16]) {
  CK_UNROLLED
  for (int i = 0; i < 16; i++) {
    if (i & half) continue;
    const i32x16 low = x[i], high = x[i + half];
    x[i] = __builtin_shufflevector(low, high, lanes...);
    x[i + half] = __builtin_shufflevector(low, high, (lanes + half)...);
  }
}

/// Lane j of vector i becomes lane i of vector j.
CK_INLINE void transpose16(i32x16 x[16]) {
  exchange_blocks<8, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23>(x);
  exchange_blocks<4, 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27>(x);
  exchange_blocks<2, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29>(x);
  exchange_blocks<1, 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30>(x);
}

/// Pairs of 32 rows of memory at 16 columns, of which `rows` and `columns` are there; zeros for the others.
template <ck_type type>
CK_INLINE void pair_square(const void *values, long index, long stride, long rows, long columns, i32x16 pairs[16]) {
  const int isWhole = rows >= 32 && columns >= 16;
CK_UNROLLED
  for (int i = 0; i < 16; i++) {
    const long at = index + 2 * i * stride;
    prefetch_pair<type>(values, at + rows_ahead * stride, stride);
    pairs[i] = isWhole
        ? pair_rows<type>(values, at, stride)
        : pair_some_rows<type>(values, at, stride, rows - 2 * i, columns < 16 ? columns : 16);
  }
}

template <ck_type type>
CK_INLINE void pack_rows_of(const void *a, long stride, int isTransposed, long rows, long depth, uint32_t *to) {
  const long toStride = ck_pair_count(depth);
  if (!isTransposed) {
    for (long i = 0; i < rows; i++) {
      for (long k = 0; k < depth; k += 32) {
        const i32x16 pairs = pair_part<type>(a, i * stride + k, depth - k);
        memcpy(to + i * toStride + k / 2, &pairs, sizeof pairs);
      }
    }
    return;
  }
  for (long k = 0; k < depth; k += 32) {
    for (long i = 0; i < rows; i += 16) {
      i32x16 pairs[16];
      pair_square<type>(a, k * stride + i, stride, depth - k, rows - i, pairs);
      transpose16(pairs);
      const long count = rows - i < 16 ? rows - i : 16;
      for (long j = 0; j < count; j++) memcpy(to + (i + j) * toStride + k / 2, &pairs[j], sizeof pairs[j]);
    }
  }
}

static void pack_rows(
    ck_type type, const void *a, long stride, int isTransposed, long rows, long depth, uint32_t *to) {
  if (type == CK_BFLOAT16) pack_rows_of<CK_BFLOAT16>(a, stride, isTransposed, rows, depth, to);
  else pack_rows_of<CK_FLOAT32>(a, stride, isTransposed, rows, depth, to);
}

/// Where the pairs of column `j` begin, in vectors of 16 columns.
CK_INLINE uint32_t *panel_column(uint32_t *panels, long j, long depth) {
  return panels + j / CK_PANEL_WIDTH * CK_PANEL_WIDTH * ck_pair_count(depth) + j % CK_PANEL_WIDTH;
}

template <ck_type type>
CK_INLINE void pack_panels_of(const void *b, long stride, int isTransposed, long columns, long depth, uint32_t *to) {
  if (!isTransposed) {
    for (long j = 0; j < columns; j += 16) {
      uint32_t *column = panel_column(to, j, depth);
      for (long k = 0; k < 2 * ck_pair_count(depth); k += 2) {
        const long at = k * stride + j;
        prefetch_pair<type>(b, at + rows_ahead * stride, stride);
        const i32x16 pairs = k + 2 <= depth && j + 16 <= columns
            ? pair_rows<type>(b, at, stride)
            : pair_some_rows<type>(b, at, stride, depth - k, columns - j < 16 ? columns - j : 16);
        memcpy(column + k / 2 * CK_PANEL_WIDTH, &pairs, sizeof pairs);
      }
    }
    return;
  }
  for (long j = 0; j < columns; j += 16) {
    for (long k = 0; k < depth; k += 32) {
      i32x16 pairs[16];
CK_UNROLLED
      for (int i = 0; i < 16; i++) {
        pairs[i] = j + i < columns ? pair_part<type>(b, (j + i) * stride + k, depth - k) : (i32x16)0;
      }
      transpose16(pairs);
      uint32_t *block = panel_column(to, j, depth) + k / 2 * CK_PANEL_WIDTH;
CK_UNROLLED
      for (int i = 0; i < 16; i++) memcpy(block + i * CK_PANEL_WIDTH, &pairs[i], sizeof pairs[i]);
    }
  }
}

static void pack_panels(
    ck_type type, const void *b, long stride, int isTransposed, long columns, long depth, uint32_t *to) {
  if (type == CK_BFLOAT16) pack_panels_of<CK_BFLOAT16>(b, stride, isTransposed, columns, depth, to);
  else pack_panels_of<CK_FLOAT32>(b, stride, isTransposed, columns, depth, to);
}

/// Writes the sums of `count` columns, at most 16.
template <ck_type type>
CK_INLINE void store_sums(f32x16 sums, float scale, int accumulate, void *c, long index, long count) {
  const f32x16 before = accumulate ? load_values16<type>(c, index, count) : splat16(0);
  store_values16<type>(c, index, count, accumulate ? before + scale * sums : scale * sums);
}

/// `rows × columns` sums over `pairs` pairs, `vectors` of 16 columns, written from `index` on. The sums stay in
/// registers.
template <ck_type type, int rows, int vectors>
CK_INLINE void pair_tile(
    const uint32_t *a, long aStride, const uint32_t *b, long pairs, float scale, int accumulate, void *c, long index,
    long cStride, long columns) {
  f32x16 sums[rows][vectors];
CK_UNROLLED
  for (int i = 0; i < rows; i++) {
CK_UNROLLED
    for (int j = 0; j < vectors; j++) {
      __builtin_prefetch(value_at(type, c, index + i * cStride + 16 * j), 1);
      sums[i][j] = 0;
    }
  }
#pragma clang loop unroll(disable)
  for (long p = 0; p < pairs; p++) {
    i32x16 columnPairs[vectors];
    memcpy(columnPairs, b + p * CK_PANEL_WIDTH, sizeof columnPairs);
CK_UNROLLED
    for (int i = 0; i < rows; i++) {
      const i32x16 rowPair = (i32x16)(int32_t)a[i * aStride + p];
CK_UNROLLED
      for (int j = 0; j < vectors; j++) sums[i][j] = add_pair_products(sums[i][j], rowPair, columnPairs[j]);
    }
  }
CK_UNROLLED
  for (int i = 0; i < rows; i++) {
CK_UNROLLED
    for (int j = 0; j < vectors; j++) {
      store_sums<type>(sums[i][j], scale, accumulate, c, index + i * cStride + 16 * j, columns - 16 * j);
    }
  }
}

/// The same for up to a panel's columns.
template <ck_type type, int rows>
CK_INLINE void pair_row_tile(
    const uint32_t *a, long aStride, const uint32_t *b, long pairs, float scale, int accumulate, void *c, long index, long cStride, long columns) {
  long j = 0;
  for (; columns - j > 16 * (pair_tile_vectors - 1); j += 16 * pair_tile_vectors) {
    pair_tile<type, rows, pair_tile_vectors>(
        a, aStride, b + j, pairs, scale, accumulate, c, index + j, cStride, columns - j);
  }
  for (; j < columns; j += 16) {
    pair_tile<type, rows, 1>(a, aStride, b + j, pairs, scale, accumulate, c, index + j, cStride, columns - j);
  }
}

template <ck_type type>
CK_INLINE void multiply_packed_to(
    const uint32_t *a, long aStride, long rows, const uint32_t *b, long columns, long depth, float scale,
    int accumulate, void *c, long cStride) {
  const long pairs = (depth + 1) / 2;
  for (long j = 0; j < columns; j += CK_PANEL_WIDTH) {
    const uint32_t *panel = b + j * ck_pair_count(depth);
    const long width = columns - j < CK_PANEL_WIDTH ? columns - j : CK_PANEL_WIDTH;
    long i = 0;
    for (; i + pair_tile_rows <= rows; i += pair_tile_rows) {
      pair_row_tile<type, pair_tile_rows>(
          a + i * aStride, aStride, panel, pairs, scale, accumulate, c, i * cStride + j, cStride,
          width);
    }
    for (; i < rows; i++) {
      pair_row_tile<type, 1>(
          a + i * aStride, aStride, panel, pairs, scale, accumulate, c, i * cStride + j, cStride, width);
    }
  }
}

static void multiply_packed(
    const uint32_t *a, long aStride, long rows, const uint32_t *b, long columns, long depth, float scale,
    int accumulate, ck_type type, void *c, long cStride) {
  if (type == CK_BFLOAT16) {
    multiply_packed_to<CK_BFLOAT16>(a, aStride, rows, b, columns, depth, scale, accumulate, c, cStride);
  } else {
    multiply_packed_to<CK_FLOAT32>(a, aStride, rows, b, columns, depth, scale, accumulate, c, cStride);
  }
}

}  // namespace CK_LEVEL
