// The backward pass. With P the weights, computed again from the stored sums of exponentials:
// dV = Pᵀ dO, dS = P ∘ (dO Vᵀ − rowsum(dO ∘ O)), dQ = dS K, dK = dSᵀ Q.

#pragma once

#include "AttentionProducts.hpp"
#include "AttentionRows.hpp"

namespace CK_LEVEL {

struct ck_backward_memory {
  float *keyPanels;
  float *valuePanels;
  float *keys;
  float *keyGradients;
  float *valueGradients;
  float *queries;
  float *queryGradients;
  float *outputGradients;
  float *scores;
  float *scoreGradients;
  float *sixteen;
  float *head;
  float *queryNormGradient;
  float *keyNormGradient;
  float logSums[CK_TILE_ROWS];
  float deltas[CK_TILE_ROWS];
  ck_written written;
};

/// The tile's output gradients, their products with the outputs, and the stored sums of exponentials.
CK_INLINE void load_output_gradient(
    const ck_attention *call, const ck_tile *tile, long sequence, long head, ck_backward_memory *memory) {
  const long width = call->headWidth;
  const long stride = ck_padded(width);
  for (long r = 0; r < tile->rowCount; r++) {
    const long row = ck_output_row(call, sequence, tile->firstRow + r);
    const long at = (row * call->headCount + head) * width;
    const float *output = read_head(call->type, call->output, at, width, memory->head);
    float *to = memory->outputGradients + r * stride;
    store16(to + stride - 16, splat16(0));
    const float *gradient = read_head(call->type, call->outputGradient, at, width, to);
    if (gradient != to) copy_head(gradient, width, to);
    f32x16 products = splat16(0);
    float rest = 0;
    long i = 0;
    for (; i + 16 <= width; i += 16) products += load16(to + i) * load16(output + i);
    for (; i < width; i++) rest += to[i] * output[i];
    memory->deltas[r] = reduce_sum16(products) + rest;
    memory->logSums[r] = call->logSumExp[row * call->headCount + head];
  }
}

/// Turns the scores of a row into weights, and the gradients of the weights into those of the scores; both become 0
/// where the row does not see.
CK_INLINE void score_gradient_row(
    ck_view view, long count, float logSum, float delta, float *scores, float *gradients) {
  const i32x16 lanes = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  for (long c = 0; c < count; c += 16) {
    if (ck_sees_none(view, c)) {
      store16(scores + c, splat16(0));
      store16(gradients + c, splat16(0));
      continue;
    }
    f32x16 weight = exp16(load16(scores + c) - logSum);
    f32x16 gradient = weight * (load16(gradients + c) - delta);
    if (!ck_sees_all(view, c)) {
      const i32x16 columns = lanes + (int)c;
      const i32x16 seen = (columns < (int)view.globalEnd)
          | ((columns >= (int)view.localBegin) & (columns < (int)view.localEnd));
      weight = seen ? weight : splat16(0);
      gradient = seen ? gradient : splat16(0);
    }
    store16(scores + c, weight);
    store16(gradients + c, gradient);
  }
}

CK_INLINE void store_query_gradients(
    const ck_attention *call, const ck_tile *tile, long sequence, long head, ck_backward_memory *memory) {
  const long stride = ck_padded(call->headWidth);
  const float scale = 1.0f / __builtin_sqrtf((float)call->headWidth);
  for (long r = 0; r < tile->rowCount; r++) {
    const long row = tile->firstRow + r;
    const long at = ck_packed_row(call, sequence, row) * ck_packed_width(call) + head * call->headWidth;
    const long next = ck_packed_row_ahead(call, tile, r, sequence) - ck_dropped_count(call);
    const long nextAt = (next * call->headCount + head) * call->headWidth;
    prefetch_head(call->type, call->output, nextAt, call->headWidth);
    prefetch_head(call->type, call->outputGradient, nextAt, call->headWidth);
    store_head_gradient(
        call, at, call->queryNorm, ck_position(call, row), scale, memory->queryGradients + r * stride,
        memory->queryNormGradient, memory->head);
  }
}

static void store_key_value_gradients(
    const ck_attention *call, const ck_span *span, long sequence, long head, ck_backward_memory *memory) {
  const long width = call->headWidth;
  const long stride = ck_padded(width);
  for (long i = 0; i < span->rowCount; i++) {
    const long row = span->firstRow + i;
    const long key = span->firstKey + i;
    const long at = ck_packed_row(call, sequence, row) * ck_packed_width(call) + (call->headCount + head) * width;
    const long valuesAt = at + call->keyValueHeadCount * width;
    store_head_gradient(
        call, at, call->keyNorm, ck_position(call, row), 1, memory->keyGradients + key * stride,
        memory->keyNormGradient, memory->head);
    write_head(call->type, memory->valueGradients + key * stride, width, 1, call->packedGradient, valuesAt);
  }
}

static void backward_tile(
    const ck_attention *call, const ck_tile *tile, long sequence, long head, ck_backward_memory *memory) {
  const long width = call->headWidth;
  const long stride = ck_padded(width);
  load_queries(call, tile, sequence, head, memory->queries);
  load_output_gradient(call, tile, sequence, head, memory);
  for (long begin = 0; begin < tile->columnCount; begin += CK_TILE_COLUMNS) {
    const long end = ck_min(tile->columnCount, begin + CK_TILE_COLUMNS);
    attention_scores(tile, begin, end, memory->queries, stride, memory->keyPanels, width, memory->scores);
    attention_scores(
        tile, begin, end, memory->outputGradients, stride, memory->valuePanels, width, memory->scoreGradients);
    for (long r = 0; r < tile->rowCount; r++) {
      if (begin == 0) prefetch_row(call, tile, r, sequence, head);
      score_gradient_row(
          ck_shifted(tile->rows[r], begin), end - begin, memory->logSums[r], memory->deltas[r],
          memory->scores + r * CK_SCORE_STRIDE, memory->scoreGradients + r * CK_SCORE_STRIDE);
    }
    attention_scatter(
        tile, begin, end, &memory->written, memory->scores, memory->outputGradients, stride, memory->valueGradients);
    attention_scatter(
        tile, begin, end, &memory->written, memory->scoreGradients, memory->queries, stride, memory->keyGradients);
    attention_mixture(
        tile, begin, end, memory->scoreGradients, memory->keys, stride, memory->queryGradients);
  }
  ck_note_written(&memory->written, tile);
  store_query_gradients(call, tile, sequence, head, memory);
}

static void load_backward_keys(
    const ck_attention *call, const ck_span *span, long sequence, long head, ck_backward_memory *memory) {
  load_keys(call, span, sequence, head, memory->keyPanels, memory->keys, memory->sixteen);
  load_values(call, span, sequence, head, memory->valuePanels, memory->sixteen);
}

/// All query heads that read `keyValueHead`.
static void backward_span(
    const ck_attention *call, const ck_span *span, long sequence, long keyValueHead, ck_backward_memory *memory) {
  const long group = ck_group_size(call);
  ck_tile tile;
  for (long row = 0; row < span->rowCount; row += CK_TILE_ROWS) {
    ck_make_tile(call, span, span->firstRow + row, micro_rows, &tile);
    for (long head = keyValueHead * group; head < (keyValueHead + 1) * group; head++) {
      backward_tile(call, &tile, sequence, head, memory);
    }
  }
}

/// Gradients of the global keys and values that no query sees become zero.
CK_INLINE void clear_unseen(const ck_attention *call, const ck_span *globals, ck_backward_memory *memory) {
  const long stride = ck_padded(call->headWidth);
  const long first = memory->written.globalEnd * stride;
  const unsigned long byteCount = (unsigned long)(globals->rowCount * stride - first) * sizeof(float);
  memset(memory->keyGradients + first, 0, byteCount);
  memset(memory->valueGradients + first, 0, byteCount);
}

static void attention_backward(
    const ck_attention *call, long sequenceBegin, long sequenceEnd, long keyValueHead, float *scratch,
    float *normGradients) {
  const long width = call->headWidth;
  const long stride = ck_padded(width);
  const long keys = ck_key_count(call);
  ck_backward_memory memory;
  memory.keyPanels = ck_take(&scratch, keys * width);
  memory.valuePanels = ck_take(&scratch, keys * width);
  memory.keys = ck_take(&scratch, keys * stride);
  memory.keyGradients = ck_take(&scratch, keys * stride);
  memory.valueGradients = ck_take(&scratch, keys * stride);
  memory.queries = ck_take(&scratch, CK_TILE_ROWS * stride);
  memory.queryGradients = ck_take(&scratch, CK_TILE_ROWS * stride);
  memory.outputGradients = ck_take(&scratch, CK_TILE_ROWS * stride);
  memory.scores = ck_take(&scratch, CK_TILE_ROWS * CK_SCORE_STRIDE);
  memory.scoreGradients = ck_take(&scratch, CK_TILE_ROWS * CK_SCORE_STRIDE);
  memory.sixteen = ck_take(&scratch, CK_PANEL * stride);
  memory.head = ck_take(&scratch, stride);
  memory.queryNormGradient = normGradients;
  memory.keyNormGradient = normGradients ? normGradients + width : 0;
  if (normGradients) memset(normGradients, 0, (unsigned long)(2 * width) * sizeof(float));

  const ck_span globals = ck_global_span(call);
  for (long sequence = sequenceBegin; sequence < sequenceEnd; sequence++) {
    memory.written.globalEnd = 0;
    load_backward_keys(call, &globals, sequence, keyValueHead, &memory);
    ck_span span;
    for (long row = ck_first_query(call); row < ck_row_count(call); row += span.rowCount) {
      span = ck_span_from(call, row);
      const int hasLocals = row >= globals.rowCount;
      memory.written.localEnd = 0;
      if (hasLocals) load_backward_keys(call, &span, sequence, keyValueHead, &memory);
      backward_span(call, &span, sequence, keyValueHead, &memory);
      if (hasLocals) store_key_value_gradients(call, &span, sequence, keyValueHead, &memory);
    }
    clear_unseen(call, &globals, &memory);
    store_key_value_gradients(call, &globals, sequence, keyValueHead, &memory);
  }
  end_streams();
}

}  // namespace CK_LEVEL
