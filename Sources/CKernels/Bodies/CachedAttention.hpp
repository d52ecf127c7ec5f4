// Attention of few rows to a cache: one query at a time, for there is nothing that several could share but the cache
// itself, and the part of it that one head reads stays in the nearest memory.

#pragma once

#include "AttentionRows.hpp"

namespace CK_LEVEL {

static void append_to_cache(const ck_cached_attention *call, long rowBegin, long rowEnd, float *scratch) {
  const ck_attention *heads = &call->heads;
  const long width = heads->headWidth;
  const long keyValueWidth = heads->keyValueHeadCount * width;
  for (long r = rowBegin; r < rowEnd; r++) {
    const ck_cached_row row = call->rows[r];
    if (row.slot < 0) continue;
    const float *keys = (const float *)heads->packed + r * ck_packed_width(heads) + heads->headCount * width;
    float *to = call->cache + (row.sequence * call->slotCount + row.slot) * 2 * keyValueWidth;
    for (long h = 0; h < keyValueWidth; h += width) {
      load_head(heads, keys + h, heads->keyNorm, row.position, 1, scratch);
      copy_head(scratch, width, to + h);
    }
    copy_head(keys + keyValueWidth, keyValueWidth, to + keyValueWidth);
  }
}

/// `scores[i]` is the product of `query`, which has zeros up to a multiple of 16, and key `i`, for `step` keys.
template <int step>
CK_INLINE void cached_scores(const float *query, const float *keys, long stride, long width, float *scores) {
  f32x16 sums[step];
CK_UNROLLED
  for (int i = 0; i < step; i++) sums[i] = splat16(0);
  long k = 0;
  for (; k + 16 <= width; k += 16) {
    const f32x16 part = load16(query + k);
CK_UNROLLED
    for (int i = 0; i < step; i++) sums[i] += part * load16(keys + i * stride + k);
  }
  if (k < width) {
    const f32x16 part = load16(query + k);
CK_UNROLLED
    for (int i = 0; i < step; i++) sums[i] += part * load_part16(keys + i * stride + k, width - k, 0);
  }
CK_UNROLLED
  for (int i = 0; i < step; i++) scores[i] = reduce_sum16(sums[i]);
}

/// Replaces scores by their exponentials, less the largest, and returns the sum. There is room up to a multiple of 16.
CK_INLINE float exponentials(float *scores, long count) {
  for (long i = count; i < ck_padded(count); i++) scores[i] = -INFINITY;
  f32x16 largest = splat16(-INFINITY);
  for (long i = 0; i < count; i += 16) largest = max16(largest, load16(scores + i));
  const float shift = reduce_max16(largest);
  f32x16 sum = splat16(0);
  for (long i = 0; i < count; i += 16) {
    const f32x16 weights = exp16(load16(scores + i) - shift);
    store16(scores + i, weights);
    sum += weights;
  }
  return reduce_sum16(sum);
}

/// `16 * vectors` columns of the sum of values times weights, times `scale`.
template <int vectors>
CK_INLINE void weighted_columns(
    const float *weights, long count, const float *values, long stride, float scale, float *output) {
  f32x16 sums[vectors];
CK_UNROLLED
  for (int j = 0; j < vectors; j++) sums[j] = splat16(0);
  for (long i = 0; i < count; i++) {
CK_UNROLLED
    for (int j = 0; j < vectors; j++) sums[j] += load16(values + i * stride + 16 * j) * weights[i];
  }
CK_UNROLLED
  for (int j = 0; j < vectors; j++) store16(output + 16 * j, sums[j] * scale);
}

/// The sum of values `[count, width]` times weights, times `scale`.
CK_INLINE void weighted_values(
    const float *weights, long count, const float *values, long stride, long width, float scale, float *output) {
  long column = 0;
  for (; column + 64 <= width; column += 64) {
    weighted_columns<4>(weights, count, values + column, stride, scale, output + column);
  }
  for (; column + 16 <= width; column += 16) {
    weighted_columns<1>(weights, count, values + column, stride, scale, output + column);
  }
  if (column == width) return;
  f32x16 sum = splat16(0);
  for (long i = 0; i < count; i++) {
    sum += load_part16(values + i * stride + column, width - column, 0) * weights[i];
  }
  store_part16(output + column, width - column, sum * scale);
}

static void attend_to_cache(
    const ck_cached_attention *call, long queryBegin, long queryEnd, long keyValueHead, float *scratch) {
  const ck_attention *heads = &call->heads;
  const long width = heads->headWidth;
  const long packedWidth = ck_packed_width(heads);
  const long keyValueWidth = heads->keyValueHeadCount * width;
  const long cacheWidth = 2 * keyValueWidth;
  float *head = scratch;
  float *scores = scratch + ck_padded(width);
  const float scale = 1.0f / __builtin_sqrtf((float)width);
  const long groupSize = ck_group_size(heads);
  for (long q = queryBegin; q < queryEnd; q++) {
    const long r = call->queries ? call->queries[q] : q;
    const ck_cached_row row = call->rows[r];
    const long count = row.visibleCount;
    const float *keys = call->cache + row.sequence * call->slotCount * cacheWidth + keyValueHead * width;
    const float *query = (const float *)heads->packed + r * packedWidth;
    for (long h = keyValueHead * groupSize; h < (keyValueHead + 1) * groupSize; h++) {
      load_head(heads, query + h * width, heads->queryNorm, row.position, scale, head);
      long i = 0;
      for (; i + 4 <= count; i += 4) cached_scores<4>(head, keys + i * cacheWidth, cacheWidth, width, scores + i);
      for (; i < count; i++) cached_scores<1>(head, keys + i * cacheWidth, cacheWidth, width, scores + i);
      const float sum = exponentials(scores, count);
      float *output = (float *)heads->output + (q * heads->headCount + h) * width;
      weighted_values(scores, count, keys + keyValueWidth, cacheWidth, width, 1 / sum, output);
    }
  }
}

}  // namespace CK_LEVEL
