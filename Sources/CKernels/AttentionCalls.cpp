// What a caller of attention has to know before: working memory, and how much a task should take.

#include "AttentionTile.hpp"

long ck_attention_forward_scratch(const ck_attention *call) {
  const long stride = ck_padded(call->headWidth);
  return 2 * ck_key_count(call) * stride + (2 * CK_TILE_ROWS + CK_PANEL) * stride + CK_TILE_ROWS * CK_SCORE_STRIDE;
}

long ck_attention_backward_scratch(const ck_attention *call) {
  const long stride = ck_padded(call->headWidth);
  return 5 * ck_key_count(call) * stride + (3 * CK_TILE_ROWS + CK_PANEL + 1) * stride
      + 2 * CK_TILE_ROWS * CK_SCORE_STRIDE;
}

long ck_attention_sequences_per_task(const ck_attention *call) {
  // Some 50 µs at 50 multiply-adds a nanosecond; each row also costs what its head's passage in and out does.
  const long enough = 2500000;
  const long chunks = ck_min(call->firstCount, (call->secondCount + call->chunk - 1) / call->chunk);
  const long locals = ck_min(call->window, ck_min(call->chunk, call->secondCount));
  const long seen = call->seesAll ? ck_row_count(call) : (chunks + locals) / 2;
  const long products = 2 * (seen + CK_PANEL) * ck_padded(call->headWidth);
  return ck_max(1, enough / ck_max(1, ck_row_count(call) * ck_group_size(call) * products));
}

long ck_cached_attention_scratch(const ck_cached_attention *call) {
  return ck_padded(call->heads.headWidth) + ck_padded(call->cacheRowCount);
}
