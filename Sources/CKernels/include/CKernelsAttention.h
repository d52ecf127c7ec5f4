// Attention over a pattern of visible rows: head norms, rotary embedding, scaled dot products, softmax and values.
//
// A sequence has rows in two segments. In memory lie the first rows of all sequences, then the second rows of all. The
// caller spreads (sequences, key/value head) pairs over threads; a call works on some of them with memory of its own.

#pragma once

#include <stdint.h>

#include "CKernelsTypes.h"

#ifdef __cplusplus
extern "C" {
#endif

/// One attention call. Rows of `packed` hold `[queries | keys | values]`, head by head, neither normed nor rotated.
typedef struct {
  long sequenceCount;
  /// Rows of one sequence in the first and in the second segment.
  long firstCount;
  long secondCount;
  /// Whether every row sees all rows of its sequence. Otherwise row `g` of the first segment sees rows `0...g` of it,
  /// and row `i` of the second, in chunk `c = i / chunk`, sees first rows `0...c` and second rows `c * chunk...i`, of these the
  /// last `window` alone.
  int seesAll;
  /// At least 1; all of the second segment where it is causal.
  long chunk;
  /// Rows of the second segment that a row of it sees at most, itself and those right before it; at least 1.
  long window;
  /// Rotary position of a chunk's first row. Without `seesAll`, first rows have position 0; with it, positions count
  /// the rows of the sequence.
  long positionBase;

  long headCount;
  /// Divides `headCount`; query head `i` reads key/value head `i / (headCount / keyValueHeadCount)`.
  long keyValueHeadCount;
  /// Even.
  long headWidth;
  /// Even: the first channels of a head, which the rotary embedding turns.
  long rotaryWidth;
  /// Whether rows of the first segment give keys and values alone. The rows of `output` and `logSumExp` are then
  /// those of the second segment.
  int dropsFirstQueries;

  /// Of rows in memory: `packed`, `output`, and the gradients of both.
  ck_type type;
  const void *packed;
  /// `[positions, rotaryWidth / 2]`.
  const float *cosines;
  const float *sines;
  /// `[headWidth]`, or null for no norm.
  const float *queryNorm;
  const float *keyNorm;
  float normEpsilon;

  /// `[query rows, headCount * headWidth]`: result of the forward pass, input of the backward pass.
  void *output;
  /// `[query rows, headCount]`, likewise.
  float *logSumExp;
  /// Shaped like `output`; the backward pass reads it.
  const void *outputGradient;
  /// Shaped like `packed`; the backward pass writes it. Queries of rows without queries are not touched.
  void *packedGradient;
} ck_attention;

/// Floats of working memory that one task needs.
long ck_attention_forward_scratch(const ck_attention *call);
long ck_attention_backward_scratch(const ck_attention *call);

/// Sequences that one task should take to be worth starting.
long ck_attention_sequences_per_task(const ck_attention *call);

// Attention to a cache

/// One row of a call, as a cache knows it.
typedef struct {
  /// Whose row it is: its slots begin at `sequence * slotCount`.
  int32_t sequence;
  /// The slot that takes its key and value; negative if none does.
  int32_t slot;
  /// Rotary position.
  int32_t position;
  /// Its query sees the first so many slots.
  int32_t visibleCount;
} ck_cached_row;

/// Rows and the cache of their sequences; all in single precision.
typedef struct {
  /// Heads, tables, norms, `packed` and `output` `[queries, headCount * headWidth]`; what else it says does not count.
  ck_attention heads;
  /// Of each row of `packed`.
  const ck_cached_row *rows;
  /// The rows that attend; null for all.
  const int32_t *queries;
  /// Rows of the cache from the first one of a sequence to that of the next.
  long slotCount;
  long cacheRowCount;
  /// `[cacheRowCount, keys | values]`, keys normed and rotated.
  float *cache;
} ck_cached_attention;

/// Floats of working memory for one task that attends.
long ck_cached_attention_scratch(const ck_cached_attention *call);

#ifdef __cplusplus
}
#endif
