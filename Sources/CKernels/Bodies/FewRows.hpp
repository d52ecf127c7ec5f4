// Products of so few rows that reading the other operand is most of the work.

#pragma once

#include "Vectors.hpp"

namespace CK_LEVEL {

/// `rows × columns` dot products of rows of `a` and rows of `b`, whose sums stay in registers.
template <int rows, int columns>
CK_INLINE void multiply_tile(
    const float *a, long aStride, const float *b, long bStride, long depth, float scale, int accumulate, float *c,
    long cStride) {
  f32x16 sums[rows][columns];
CK_UNROLLED
  for (int i = 0; i < rows; i++) {
CK_UNROLLED
    for (int j = 0; j < columns; j++) sums[i][j] = 0;
  }
  long k = 0;
  for (; k + 16 <= depth; k += 16) {
CK_UNROLLED
    for (int j = 0; j < columns; j++) {
      const f32x16 other = load16(b + j * bStride + k);
CK_UNROLLED
      for (int i = 0; i < rows; i++) sums[i][j] += load16(a + i * aStride + k) * other;
    }
  }
  if (k < depth) {
    const long rest = depth - k;
CK_UNROLLED
    for (int j = 0; j < columns; j++) {
      const f32x16 other = load_part16(b + j * bStride + k, rest, 0);
CK_UNROLLED
      for (int i = 0; i < rows; i++) sums[i][j] += load_part16(a + i * aStride + k, rest, 0) * other;
    }
  }
CK_UNROLLED
  for (int i = 0; i < rows; i++) {
CK_UNROLLED
    for (int j = 0; j < columns; j++) {
      float *to = c + i * cStride + j;
      *to = scale * reduce_sum16(sums[i][j]) + (accumulate ? *to : 0.0f);
    }
  }
}

static void multiply_few_rows(
    const float *a, long aStride, long rows, const float *b, long bStride, long columns, long depth, float scale,
    int accumulate, float *c, long cStride) {
  // Rows inside: a pair of rows of `b` comes from memory once and then from the nearest cache.
  for (long j = 0; j < columns; j += 2) {
    const float *from = b + j * bStride;
    const int isPair = j + 2 <= columns;
    long i = 0;
    for (; isPair && i + 2 <= rows; i += 2) {
      const float *row = a + i * aStride;
      multiply_tile<2, 2>(row, aStride, from, bStride, depth, scale, accumulate, c + i * cStride + j, cStride);
    }
    for (; i < rows; i++) {
      const float *row = a + i * aStride;
      float *to = c + i * cStride + j;
      if (isPair) {
        multiply_tile<1, 2>(row, aStride, from, bStride, depth, scale, accumulate, to, cStride);
      } else {
        multiply_tile<1, 1>(row, aStride, from, bStride, depth, scale, accumulate, to, cStride);
      }
    }
  }
}

}  // namespace CK_LEVEL
