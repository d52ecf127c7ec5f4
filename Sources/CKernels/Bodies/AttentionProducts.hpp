// Products of attention. All are `c[M, N] (+)= a[M, K] · b[K, N]` with N in vectors of 16 columns; they differ in how
// `a` is addressed and in where the next row and the next vector of `b` lie.

#pragma once

#include "../AttentionTile.hpp"
#include "Vectors.hpp"

namespace CK_LEVEL {

/// A part of the inner dimension of a product.
struct product_run {
  const float *a;
  const float *b;
  long depth;
};

/// How far apart things lie: in `a` rows and steps of the depth, in `b` steps of the depth and vectors, rows in `c`.
struct product_strides {
  long aRow, aDepth, bDepth, bVector, cRow;
};

/// One block of a product, all of it in registers until the end: `c[rows, vectors] = (c +) sum over runs of a · b`.
template <typename Vector, int rows, int vectors, int runCount>
CK_INLINE void multiply_block(const product_run *runs, const product_strides &strides, float *c, int accumulates) {
  Vector sums[rows][vectors];
  constexpr long lanes = sizeof(Vector) / sizeof(float);
  CK_UNROLLED
  for (int i = 0; i < rows; i++) {
    CK_UNROLLED
    for (int j = 0; j < vectors; j++) sums[i][j] = 0;
  }
  if (accumulates) {
    CK_UNROLLED
    for (int i = 0; i < rows; i++) {
      CK_UNROLLED
      for (int j = 0; j < vectors; j++) memcpy(&sums[i][j], c + i * strides.cRow + j * lanes, sizeof(Vector));
    }
  }
  for (int run = 0; run < runCount; run++) {
    const float *a = runs[run].a;
    const float *b = runs[run].b;
    for (long k = 0; k < runs[run].depth; k++) {
      Vector row[vectors];
      CK_UNROLLED
      for (int j = 0; j < vectors; j++) memcpy(&row[j], b + j * strides.bVector, sizeof(Vector));
      CK_UNROLLED
      for (int i = 0; i < rows; i++) {
        const Vector x = a[i * strides.aRow];
        CK_UNROLLED
        for (int j = 0; j < vectors; j++) sums[i][j] += x * row[j];
      }
      a += strides.aDepth;
      b += strides.bDepth;
    }
  }
  CK_UNROLLED
  for (int i = 0; i < rows; i++) {
    CK_UNROLLED
    for (int j = 0; j < vectors; j++) memcpy(c + i * strides.cRow + j * lanes, &sums[i][j], sizeof(Vector));
  }
}

/// The block of as many rows and vectors as are there: at most `micro_rows` and `micro_vectors` of this level.
template <typename Vector, int runCount, int candidate = micro_rows>
CK_INLINE void multiply_some(
    long rows, long vectors, const product_run *runs, const product_strides &strides, float *c, int accumulates) {
  if (rows == candidate) {
    if (micro_vectors > 1 && vectors == micro_vectors) {
      multiply_block<Vector, candidate, micro_vectors, runCount>(runs, strides, c, accumulates);
    } else {
      multiply_block<Vector, candidate, 1, runCount>(runs, strides, c, accumulates);
    }
  } else if constexpr (candidate > 1) {
    multiply_some<Vector, runCount, candidate - 1>(rows, vectors, runs, strides, c, accumulates);
  }
}

/// Rows times one or two panels.
static void scores_micro(
    long rows, long vectors, const float *x, long xRow, const float *panel, long width, float *scores) {
  const product_run run = {x, panel, width};
  multiply_some<f32x16, 1>(rows, vectors, &run, {xRow, 1, CK_PANEL, width * CK_PANEL, CK_SCORE_STRIDE}, scores, 0);
}

/// Rows times half a panel.
static void half_scores_micro(
    long rows, const float *x, long xRow, const float *panel, long width, float *scores) {
  const product_run run = {x, panel, width};
  multiply_some<f32x8, 1>(rows, 1, &run, {xRow, 1, CK_PANEL, 0, CK_SCORE_STRIDE}, scores, 0);
}

/// Rows times the panels from `panel` on, where the rows see columns `first ..< last`, counted from the first panel's.
CK_INLINE void seen_scores(
    long rows, long first, long last, const float *x, long xRow, const float *panel, long width, float *scores) {
  for (long column = first / CK_HALF * CK_HALF; column < last;) {
    const long at = column / CK_PANEL * CK_PANEL;
    const float *from = panel + at * width + column - at;
    if (column > at || last - column <= CK_HALF) {
      half_scores_micro(rows, x, xRow, from, width, scores + column);
      column += CK_HALF;
    } else {
      const long vectors = ck_min(micro_vectors, (last - column + CK_HALF - 1) / CK_PANEL);
      scores_micro(rows, vectors, x, xRow, from, width, scores + column);
      column += vectors * CK_PANEL;
    }
  }
}

/// Rows of weights times one or two vectors of the keys' rows.
static void mixture_micro(
    long rows, long vectors, const product_run *runs, long stride, float *result, int accumulates) {
  multiply_some<f32x16, 2>(rows, vectors, runs, {CK_SCORE_STRIDE, 1, stride, CK_PANEL, stride}, result, accumulates);
}

/// Columns of weights times one or two vectors of the queries' rows.
static void scatter_micro(
    long rows, long vectors, const float *weights, const float *x, long depth, long stride, float *result,
    int accumulates) {
  const product_run run = {weights, x, depth};
  multiply_some<f32x16, 1>(rows, vectors, &run, {1, CK_SCORE_STRIDE, stride, CK_PANEL, stride}, result, accumulates);
}

/// Products of the tile's rows `x` `[rows, stride]` and the keys of columns `begin ..< end`, where some row of a block
/// of rows may see them; elsewhere `scores` is left as it is.
///
/// - panels: `[keys / 16, width, 16]`.
static void attention_scores(
    const ck_tile *tile, long begin, long end, const float *x, long stride, const float *panels, long width,
    float *scores) {
  long vectors;
  for (long column = begin; column < end; column += vectors * CK_PANEL) {
    const int isGlobal = column < tile->globalColumns;
    const long limit = isGlobal ? ck_min(end, tile->globalColumns) : end;
    vectors = ck_min(micro_vectors, (limit - column) / CK_PANEL);
    const float *panel = panels + (column + (isGlobal ? 0 : tile->localJump)) * width;
    for (long r = 0; r < tile->rowCount; r += micro_rows) {
      const ck_view *view = &tile->blocks[r / micro_rows];
      const long seenBegin = isGlobal ? 0 : view->localBegin;
      const long seenEnd = isGlobal ? view->globalEnd : view->localEnd;
      const long first = ck_max(column, seenBegin);
      const long last = ck_min(column + vectors * CK_PANEL, seenEnd);
      seen_scores(
          ck_min(micro_rows, tile->rowCount - r), first - column, last - column, x + r * stride, stride, panel, width,
          scores + r * CK_SCORE_STRIDE + column - begin);
    }
  }
}

/// The rows of `y` `[keys, stride]` of columns `begin ..< end`, times `weights`, added to `result` `[rows, stride]`,
/// which the first columns overwrite.
static void attention_mixture(
    const ck_tile *tile, long begin, long end, const float *weights, const float *y, long stride, float *result) {
  long vectors;
  for (long j = 0; j < stride; j += vectors * CK_PANEL) {
    vectors = ck_min(micro_vectors, (stride - j) / CK_PANEL);
    for (long r = 0; r < tile->rowCount; r += micro_rows) {
      const ck_view *view = &tile->blocks[r / micro_rows];
      const float *row = weights + r * CK_SCORE_STRIDE - begin;
      const long globalEnd = ck_min(end, view->globalEnd);
      const long localBegin = ck_max(begin, view->localBegin);
      const long localEnd = ck_min(end, view->localEnd);
      const product_run runs[2] = {
          {row + begin, y + begin * stride + j, ck_max(0, globalEnd - begin)},
          {row + localBegin, y + (localBegin + tile->localJump) * stride + j, ck_max(0, localEnd - localBegin)},
      };
      mixture_micro(
          ck_min(micro_rows, tile->rowCount - r), vectors, runs, stride, result + r * stride + j, begin > 0);
    }
  }
}

/// The rows of `x` `[rows, stride]`, times `weights`, added to the rows of `result` `[keys, stride]` of columns
/// `first ..< last`, all global or all local; key `c + jump` is that of column `c`. Keys from `written` on are
/// overwritten.
///
/// - begin: the column of the first weight of a row.
CK_INLINE void scatter_columns(
    const ck_tile *tile, long begin, long first, long last, long jump, long written, const float *weights,
    const float *x, long stride, float *result) {
  long count;
  for (long column = first; column < last; column += count) {
    const int accumulates = column + jump < written;
    count = ck_min(micro_rows, (accumulates ? ck_min(last, written - jump) : last) - column);
    long rowBegin, rowEnd;
    ck_rows_seeing(tile, column, column + count, &rowBegin, &rowEnd);
    float *to = result + (column + jump) * stride;
    const float *from = weights + rowBegin * CK_SCORE_STRIDE + column - begin;
    long vectors;
    for (long j = 0; j < stride; j += vectors * CK_PANEL) {
      vectors = ck_min(micro_vectors, (stride - j) / CK_PANEL);
      scatter_micro(
          count, vectors, from, x + rowBegin * stride + j, rowEnd - rowBegin, stride, to + j, accumulates);
    }
  }
}

/// The rows of `x` `[rows, stride]`, times `weights`, added to the rows of `result` `[keys, stride]` of columns
/// `begin ..< end`; keys that have nothing yet are overwritten.
static void attention_scatter(
    const ck_tile *tile, long begin, long end, const ck_written *written, const float *weights, const float *x,
    long stride, float *result) {
  const ck_view *seen = &tile->seen;
  scatter_columns(
      tile, begin, begin, ck_min(end, seen->globalEnd), 0, written->globalEnd, weights, x, stride, result);
  scatter_columns(
      tile, begin, ck_max(begin, seen->localBegin), ck_min(end, seen->localEnd), tile->localJump,
      written->localEnd, weights, x, stride, result);
}

}  // namespace CK_LEVEL
