// The forward pass: for each tile of queries, blocks of columns with a running softmax, so that working memory does not
// grow with the length beyond keys and values.

#pragma once

#include "AttentionProducts.hpp"
#include "AttentionRows.hpp"

namespace CK_LEVEL {

struct ck_forward_memory {
  float *keyPanels;
  float *values;
  float *queries;
  float *result;
  float *scores;
  float *sixteen;
  float largest[CK_TILE_ROWS];
  float sums[CK_TILE_ROWS];
};

/// Turns the scores of a row into exponentials under the largest score so far, 0 where the row does not see.
///
/// Every row sees some column of its tile's first block, so that after it `largest` is a score: the first column, or
/// with a window one of the first `CK_PANEL + CK_TILE_ROWS`.
///
/// - view: in columns of the block, of which there are `count`.
/// - isFirst: whether this is the tile's first block, and the row has gathered nothing yet.
/// - result: what the row has gathered, brought to the new largest score.
CK_INLINE void softmax_row(
    ck_view view, long count, int isFirst, float *scores, float *largest, float *sum, float *result, long stride) {
  const i32x16 lanes = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  f32x16 most = splat16(-FLT_MAX);
  for (long c = 0; c < count; c += 16) {
    if (ck_sees_none(view, c)) continue;
    f32x16 x = load16(scores + c);
    if (!ck_sees_all(view, c)) {
      const i32x16 columns = lanes + (int)c;
      const i32x16 seen = (columns < (int)view.globalEnd)
          | ((columns >= (int)view.localBegin) & (columns < (int)view.localEnd));
      x = seen ? x : splat16(-FLT_MAX);
      store16(scores + c, x);
    }
    most = max16(most, x);
  }
  const float before = isFirst ? -FLT_MAX : *largest;
  const float now = __builtin_fmaxf(before, reduce_max16(most));
  f32x16 total = splat16(0);
  for (long c = 0; c < count; c += 16) {
    const f32x16 x = ck_sees_none(view, c) ? splat16(0) : exp16(load16(scores + c) - now);
    store16(scores + c, x);
    total += x;
  }
  if (!isFirst && now > before) {
    const f32x16 factor = exp16(splat16(before - now));
    *sum *= factor[0];
    for (long i = 0; i < stride; i += 16) store16(result + i, load16(result + i) * factor);
  }
  *largest = now;
  *sum = (isFirst ? 0 : *sum) + reduce_sum16(total);
}

/// Divides what the rows have gathered by the sums of their weights and writes it.
CK_INLINE void store_output(
    const ck_attention *call, const ck_tile *tile, long sequence, long head, const ck_forward_memory *memory) {
  const long width = call->headWidth;
  const long stride = ck_padded(width);
  for (long r = 0; r < tile->rowCount; r++) {
    const long row = ck_output_row(call, sequence, tile->firstRow + r);
    const long at = (row * call->headCount + head) * width;
    write_head(call->type, memory->result + r * stride, width, 1.0f / memory->sums[r], call->output, at);
    call->logSumExp[row * call->headCount + head] = memory->largest[r] + logf(memory->sums[r]);
  }
}

static void forward_tile(
    const ck_attention *call, const ck_tile *tile, long sequence, long head, ck_forward_memory *memory) {
  const long stride = ck_padded(call->headWidth);
  load_queries(call, tile, sequence, head, memory->queries);
  for (long begin = 0; begin < tile->columnCount; begin += CK_TILE_COLUMNS) {
    const long end = ck_min(tile->columnCount, begin + CK_TILE_COLUMNS);
    attention_scores(
        tile, begin, end, memory->queries, stride, memory->keyPanels, call->headWidth, memory->scores);
    for (long r = 0; r < tile->rowCount; r++) {
      if (begin == 0) prefetch_row(call, tile, r, sequence, head);
      softmax_row(
          ck_shifted(tile->rows[r], begin), end - begin, begin == 0, memory->scores + r * CK_SCORE_STRIDE,
          &memory->largest[r], &memory->sums[r], memory->result + r * stride, stride);
    }
    attention_mixture(tile, begin, end, memory->scores, memory->values, stride, memory->result);
  }
  store_output(call, tile, sequence, head, memory);
}

/// All query heads that read `keyValueHead`.
static void forward_span(
    const ck_attention *call, const ck_span *span, long sequence, long keyValueHead, ck_forward_memory *memory) {
  const long group = ck_group_size(call);
  ck_tile tile;
  for (long row = 0; row < span->rowCount; row += CK_TILE_ROWS) {
    ck_make_tile(call, span, span->firstRow + row, micro_rows, &tile);
    for (long head = keyValueHead * group; head < (keyValueHead + 1) * group; head++) {
      forward_tile(call, &tile, sequence, head, memory);
    }
  }
}

static void load_forward_keys(
    const ck_attention *call, const ck_span *span, long sequence, long head, ck_forward_memory *memory) {
  load_keys(call, span, sequence, head, memory->keyPanels, 0, memory->sixteen);
  load_values(call, span, sequence, head, 0, memory->values);
}

static void attention_forward(
    const ck_attention *call, long sequenceBegin, long sequenceEnd, long keyValueHead, float *scratch) {
  const long width = call->headWidth;
  const long stride = ck_padded(width);
  const long keys = ck_key_count(call);
  ck_forward_memory memory;
  memory.keyPanels = ck_take(&scratch, keys * width);
  memory.values = ck_take(&scratch, keys * stride);
  memory.queries = ck_take(&scratch, CK_TILE_ROWS * stride);
  memory.result = ck_take(&scratch, CK_TILE_ROWS * stride);
  memory.scores = ck_take(&scratch, CK_TILE_ROWS * CK_SCORE_STRIDE);
  memory.sixteen = ck_take(&scratch, CK_PANEL * stride);

  const ck_span globals = ck_global_span(call);
  for (long sequence = sequenceBegin; sequence < sequenceEnd; sequence++) {
    load_forward_keys(call, &globals, sequence, keyValueHead, &memory);
    ck_span span;
    for (long row = ck_first_query(call); row < ck_row_count(call); row += span.rowCount) {
      span = ck_span_from(call, row);
      if (row >= globals.rowCount) load_forward_keys(call, &span, sequence, keyValueHead, &memory);
      forward_span(call, &span, sequence, keyValueHead, &memory);
    }
  }
  end_streams();
}

}  // namespace CK_LEVEL
