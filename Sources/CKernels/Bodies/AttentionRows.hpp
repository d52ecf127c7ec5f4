// Rows of heads on their way into and out of attention's working memory: norm, rotation, transposition.

#pragma once

#include "../AttentionTile.hpp"
#include "Vectors.hpp"

namespace CK_LEVEL {

/// Copies `x` `[width]`.
CK_INLINE void copy_head(const float *x, long width, float *to) {
  long i = 0;
  for (; i + 16 <= width; i += 16) store16(to + i, load16(x + i));
  for (; i < width; i++) to[i] = x[i];
}

/// Writes `x` `[width]` times `scale` to a row that this thread does not read again, past the caches where it is whole
/// lines of them.
CK_INLINE void stream_head(const float *x, long width, float scale, float *to) {
  long i = 0;
  if (width % 16 == 0 && (uintptr_t)to % 64 == 0) {
    for (; i < width; i += 16) stream16(to + i, load16(x + i) * scale);
  }
  for (; i + 16 <= width; i += 16) store16(to + i, load16(x + i) * scale);
  for (; i < width; i++) to[i] = x[i] * scale;
}

/// The head `[width]` that lies at `at` of rows in memory: there, or widened in `buffer`, with zeros up to a multiple of
/// 16.
CK_INLINE const float *read_head(ck_type type, const void *rows, long at, long width, float *buffer) {
  if (type == CK_FLOAT32) return (const float *)rows + at;
  for (long i = 0; i < width; i += 16) {
    store16(buffer + i, load_values16<CK_BFLOAT16>(rows, at + i, width - i));
  }
  return buffer;
}

/// Writes `x` `[width]` times `scale` to rows in memory, where this thread does not read it again.
CK_INLINE void write_head(ck_type type, const float *x, long width, float scale, void *rows, long at) {
  if (type == CK_FLOAT32) {
    stream_head(x, width, scale, (float *)rows + at);
    return;
  }
  for (long i = 0; i < width; i += 16) {
    store_values16<CK_BFLOAT16>(rows, at + i, width - i, load_values16<CK_FLOAT32>(x, i, width - i) * scale);
  }
}

/// Asks for a head of a row that will be read soon, as far as the second cache: rows are too far apart for the hardware
/// to foresee them.
CK_INLINE void prefetch_head(ck_type type, const void *rows, long at, long width) {
  const long line = type == CK_BFLOAT16 ? 32 : 16;
  for (long i = 0; i < width; i += line) __builtin_prefetch(value_at(type, rows, at + i), 0, 2);
}

/// Asks for what the next tile will load for row `r` of its rows: while a tile is computed, memory has nothing to do.
CK_INLINE void prefetch_row(const ck_attention *call, const ck_tile *tile, long r, long sequence, long head) {
  const long width = call->headWidth;
  const long heads = ck_packed_row_ahead(call, tile, r, sequence) * ck_packed_width(call);
  prefetch_head(call->type, call->packed, heads + head * width, width);
  if (!tile->endsSpan) return;
  const long key = heads + (call->headCount + head / ck_group_size(call)) * width;
  prefetch_head(call->type, call->packed, key, width);
  prefetch_head(call->type, call->packed, key + call->keyValueHeadCount * width, width);
}

/// One over the root of mean square plus epsilon of `x` `[width]`.
CK_INLINE float head_inverse(const float *x, long width, float epsilon) {
  f32x16 squares = splat16(0);
  float rest = 0;
  long i = 0;
  for (; i + 16 <= width; i += 16) squares += load16(x + i) * load16(x + i);
  for (; i < width; i++) rest += x[i] * x[i];
  return 1.0f / __builtin_sqrtf((reduce_sum16(squares) + rest) / (float)width + epsilon);
}

/// Writes to `to`, which may be `x`, the head `x` times `scale`, and times `norm` where there is one. Its first
/// channels are rotated by the angles of a position, or back where `sign` is -1.
CK_INLINE void turn_head(
    const ck_attention *call, const float *x, const float *norm, float scale, long position, float sign, float *to) {
  const long width = call->headWidth;
  const long half = position == 0 ? 0 : call->rotaryWidth / 2;
  const float *cosines = call->cosines + position * half;
  const float *sines = call->sines + position * half;
  long i = 0;
  for (; i + 16 <= half; i += 16) {
    const f32x16 a = load16(x + i) * (norm ? load16(norm + i) * scale : splat16(scale));
    const f32x16 b = load16(x + half + i) * (norm ? load16(norm + half + i) * scale : splat16(scale));
    const f32x16 cosine = load16(cosines + i);
    const f32x16 sine = load16(sines + i) * sign;
    store16(to + i, a * cosine - b * sine);
    store16(to + half + i, b * cosine + a * sine);
  }
  for (; i < half; i++) {
    const float a = x[i] * (norm ? norm[i] * scale : scale);
    const float b = x[half + i] * (norm ? norm[half + i] * scale : scale);
    const float sine = sines[i] * sign;
    to[i] = a * cosines[i] - b * sine;
    to[half + i] = b * cosines[i] + a * sine;
  }
  for (i = 2 * half; i + 16 <= width; i += 16) {
    store16(to + i, load16(x + i) * (norm ? load16(norm + i) * scale : splat16(scale)));
  }
  for (; i < width; i++) to[i] = x[i] * (norm ? norm[i] * scale : scale);
}

/// A query or key head of one row, normed, rotated and scaled, into `to`, with zeros up to a multiple of 16; `to` may be
/// `from` where that has them.
CK_INLINE void load_head(
    const ck_attention *call, const float *from, const float *norm, long position, float scale, float *to) {
  const long width = call->headWidth;
  if (width % 16 != 0 && to != from) store16(to + ck_padded(width) - 16, splat16(0));
  const float factor = norm ? scale * head_inverse(from, width, call->normEpsilon) : scale;
  turn_head(call, from, norm, factor, position, 1, to);
}

/// Takes the gradient of a loaded head, in `gradient`, back through scale, rotation and norm, and stores it.
///
/// - at: where the head lies in the rows of `packed`, and its gradient in theirs.
/// - gradient: its content is lost.
/// - buffer: working memory for one head.
/// - normGradient: `[width]`, accumulated; null where there is no norm.
CK_INLINE void store_head_gradient(
    const ck_attention *call, long at, const float *norm, long position, float scale, float *gradient,
    float *normGradient, float *buffer) {
  const long width = call->headWidth;
  turn_head(call, gradient, 0, scale, position, -1, gradient);
  if (!norm) {
    write_head(call->type, gradient, width, 1, call->packedGradient, at);
    return;
  }
  const float *from = read_head(call->type, call->packed, at, width, buffer);
  const float inverse = head_inverse(from, width, call->normEpsilon);
  f32x16 products = splat16(0);
  float rest = 0;
  long i = 0;
  for (; i + 16 <= width; i += 16) products += load16(gradient + i) * load16(norm + i) * load16(from + i);
  for (; i < width; i++) rest += gradient[i] * norm[i] * from[i];
  const float shrink = (reduce_sum16(products) + rest) * inverse * inverse / (float)width;
  for (i = 0; i + 16 <= width; i += 16) {
    const f32x16 x = load16(from + i);
    const f32x16 g = load16(gradient + i);
    store16(normGradient + i, load16(normGradient + i) + g * x * inverse);
    store16(gradient + i, g * load16(norm + i) - x * shrink);
  }
  for (; i < width; i++) {
    normGradient[i] += gradient[i] * from[i] * inverse;
    gradient[i] = gradient[i] * norm[i] - from[i] * shrink;
  }
  write_head(call->type, gradient, width, inverse, call->packedGradient, at);
}

/// Writes 16 rows `[16, stride]` as a panel `[width, 16]`.
CK_INLINE void store_panel(const float *rows, long width, long stride, float *panel) {
  for (long column = 0; column < width; column += 16) {
    f32x16 a[16], b[16];
CK_UNROLLED
    for (int i = 0; i < 16; i++) a[i] = load16(rows + i * stride + column);
    // Four perfect shuffles of the rows transpose them.
CK_UNROLLED
    for (int stage = 0; stage < 4; stage++) {
CK_UNROLLED
      for (int i = 0; i < 8; i++) {
        b[2 * i] = __builtin_shufflevector(
            a[i], a[i + 8], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
        b[2 * i + 1] = __builtin_shufflevector(
            a[i], a[i + 8], 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
      }
CK_UNROLLED
      for (int i = 0; i < 16; i++) a[i] = b[i];
    }
    const long count = ck_min(16, width - column);
CK_UNROLLED
    for (int i = 0; i < 16; i++) {
      if (i < count) store16(panel + (column + i) * 16, a[i]);
    }
  }
}

/// The tile's queries of one head, scaled for the scores, into `[rows, padded width]`.
static void load_queries(
    const ck_attention *call, const ck_tile *tile, long sequence, long head, float *queries) {
  const long stride = ck_padded(call->headWidth);
  const float scale = 1.0f / __builtin_sqrtf((float)call->headWidth);
  const long packedWidth = ck_packed_width(call);
  for (long r = 0; r < tile->rowCount; r++) {
    const long row = tile->firstRow + r;
    const long at = ck_packed_row(call, sequence, row) * packedWidth + head * call->headWidth;
    float *to = queries + r * stride;
    const float *from = read_head(call->type, call->packed, at, call->headWidth, to);
    load_head(call, from, call->queryNorm, ck_position(call, row), scale, to);
  }
}

/// Keys of one head, from the rows of a span, as panels with zeros as padding; also as rows `[keys, padded width]` if
/// `rows` is not null.
///
/// - sixteen: working memory for 16 rows.
static void load_keys(
    const ck_attention *call, const ck_span *span, long sequence, long head, float *panels, float *rows,
    float *sixteen) {
  const long width = call->headWidth;
  const long stride = ck_padded(width);
  const long packedWidth = ck_packed_width(call);
  const long column = (call->headCount + head) * width;
  const int isLong = span->rowCount > CK_TILE_ROWS;
  for (long begin = 0; begin < span->rowCount; begin += CK_PANEL) {
    const long first = span->firstRow + begin;
    const long key = span->firstKey + begin;
    const long count = ck_min(CK_PANEL, span->rowCount - begin);
    float *to = rows ? rows + key * stride : sixteen;
    for (long i = 0; i < count; i++) {
      const long at = ck_packed_row(call, sequence, first + i) * packedWidth + column;
      if (isLong) prefetch_head(call->type, call->packed, at + CK_ROWS_AHEAD * packedWidth, width);
      const float *from = read_head(call->type, call->packed, at, width, to + i * stride);
      load_head(call, from, call->keyNorm, ck_position(call, first + i), 1, to + i * stride);
    }
    memset(to + count * stride, 0, (unsigned long)((CK_PANEL - count) * stride) * sizeof(float));
    store_panel(to, width, stride, panels + key * width);
  }
}

/// Values of one head, from the rows of a span, as rows `[keys, padded width]`; as panels too if `panels` is not null,
/// and then 16 rows are enough for `rows`.
static void load_values(
    const ck_attention *call, const ck_span *span, long sequence, long head, float *panels, float *rows) {
  const long width = call->headWidth;
  const long stride = ck_padded(width);
  const long packedWidth = ck_packed_width(call);
  const long column = (call->headCount + call->keyValueHeadCount + head) * width;
  const int isLong = span->rowCount > CK_TILE_ROWS;
  for (long begin = 0; begin < span->rowCount; begin += CK_PANEL) {
    const long first = span->firstRow + begin;
    const long key = span->firstKey + begin;
    const long count = ck_min(CK_PANEL, span->rowCount - begin);
    float *to = panels ? rows : rows + key * stride;
    for (long i = 0; i < count; i++) {
      const long at = ck_packed_row(call, sequence, first + i) * packedWidth + column;
      if (isLong) prefetch_head(call->type, call->packed, at + CK_ROWS_AHEAD * packedWidth, width);
      store16(to + (i + 1) * stride - 16, splat16(0));
      const float *from = read_head(call->type, call->packed, at, width, to + i * stride);
      if (from != to + i * stride) copy_head(from, width, to + i * stride);
    }
    memset(to + count * stride, 0, (unsigned long)((CK_PANEL - count) * stride) * sizeof(float));
    if (panels) store_panel(to, width, stride, panels + key * width);
  }
}

}  // namespace CK_LEVEL
