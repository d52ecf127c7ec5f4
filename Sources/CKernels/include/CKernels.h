// Vector kernels of the CPU backend. Each is compiled once per instruction set level of the architecture; the pointers
// to a level's kernels are in a table, so that a test can ask for any level that the machine has. Kernels work on one
// thread and hold no state.
//
// Counts may be zero. Pointers need no alignment beyond that of a float, and memory does not overlap unless a comment
// allows it.

#pragma once

#include "CKernelsAttention.h"
#include "CKernelsTypes.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma clang assume_nonnull begin

/// The kernels of one level.
typedef struct {
  // Elements

  /// `y += x`.
  void (*add)(const float *x, float *y, long count);
  /// `x *= factor`.
  void (*scale)(float *x, float factor, long count);
  void (*fill)(float *x, float value, long count);
  /// Adds `x` `[rows, columns]`, whose rows are `stride` apart, to `sums` `[columns]`, row after row.
  void (*add_rows)(const float *x, long rows, long columns, long stride, float *sums);
  double (*sum)(const float *x, long count);
  double (*sum_of_squares)(const float *x, long count);
  /// Index of the largest element, the first of equals; 0 if there is none.
  long (*argmax)(const float *x, long count);

  // Products

  /// `c = scale · a · bᵀ`, added to `c` if `accumulate`; `a` `[rows, depth]`, `b` `[columns, depth]`. For so few rows
  /// that reading `b` is most of the work.
  void (*multiply_few_rows)(
      const float *a, long aStride, long rows, const float *b, long bStride, long columns, long depth, float scale,
      int accumulate, float *c, long cStride);
  /// Packs rows of an operand on the left to `to` `[rows, ck_pair_count(depth)]`.
  ///
  /// `a` is `[rows, depth]` in memory, or `[depth, rows]` if `isTransposed`, its rows `stride` apart. Rows of bfloat16
  /// values whose number is a multiple of 32 are packed as they lie.
  void (*pack_rows)(
      ck_type type, const void *a, long stride, int isTransposed, long rows, long depth, uint32_t *to);
  /// Packs columns of an operand on the right to panels `to` `[panels, ck_pair_count(depth), CK_PANEL_WIDTH]`, of which
  /// the last may have fewer columns.
  ///
  /// `b` is `[depth, columns]` in memory, or `[columns, depth]` if `isTransposed`, its rows `stride` apart.
  void (*pack_panels)(
      ck_type type, const void *b, long stride, int isTransposed, long columns, long depth, uint32_t *to);
  /// `c = scale · a · b`, added to `c` if `accumulate`; `a` packed rows, `aStride` pairs apart, `b` as many packed
  /// panels as `columns` take, both of `depth`. Sums are rounded to the type of `c` last of all.
  void (*multiply_packed)(
      const uint32_t *a, long aStride, long rows, const uint32_t *b, long columns, long depth, float scale,
      int accumulate, ck_type type, void *c, long cStride);

  // Norm, over `rows` rows of `width` elements

  /// Output and its gradient are of the type that is named. `sum = x + delta` where there is a `delta`; `output = sum ·
  /// inverse · weight` with `inverse` one over the root of mean square plus `epsilon`. `sum` may be `x` or `delta`.
  void (*rms_norm)(
      const float *x, const float *_Nullable delta, const float *weight, float epsilon, float *_Nullable sum, ck_type type, void *output,
      float *inverse, long rows, long width);
  /// Gradient with respect to the normed input `x`, plus `sumGradient` where there is one (it may be `inputGradient`).
  /// Adds the gradient of the weight to `weightGradient` where there is one.
  void (*rms_norm_backward)(
      const float *x, const float *weight, const float *inverse, ck_type type, const void *outputGradient,
      const float *_Nullable sumGradient, float *inputGradient, float *_Nullable weightGradient, long rows, long width);

  // SwiGLU, over rows `gate | up` of twice `width` elements, all of one type

  void (*swiglu)(ck_type type, const void *gateUp, void *output, long rows, long width);
  /// `gateUpGradient` may be `gateUp`. `output`, if not null, receives the output once more; it may be
  /// `outputGradient`.
  void (*swiglu_backward)(
      ck_type type, const void *gateUp, const void *outputGradient, void *gateUpGradient, void *_Nullable output, long rows,
      long width);

  // Loss

  /// Cross-entropy of one row against `target`, in nats. The row becomes its gradient times `gradientScale`.
  float (*cross_entropy_gradient)(float *logits, long width, long target, float gradientScale);
  /// Cross-entropy of one row against `target`, in nats.
  float (*cross_entropy)(const float *logits, long width, long target);

  // Update

  void (*adamw)(
      const ck_adamw_step *step, float *weights, const float *gradients, float *firstMoments, float *secondMoments,
      long count);

  // Attention

  /// `output` and `logSumExp` of all query heads that read `keyValueHead`, for sequences
  /// `sequenceBegin ..< sequenceEnd`.
  void (*attention_forward)(
      const ck_attention *call, long sequenceBegin, long sequenceEnd, long keyValueHead, float *scratch);
  /// `packedGradient` of the same heads and sequences, and their part of the gradients of `queryNorm` and `keyNorm`.
  ///
  /// `normGradients` `[2, headWidth]` is overwritten; it may be null where there are no norms.
  void (*attention_backward)(
      const ck_attention *call, long sequenceBegin, long sequenceEnd, long keyValueHead, float *scratch,
      float *_Nullable normGradients);
  /// Puts keys and values of rows `rowBegin ..< rowEnd` into the cache; `scratch` takes a head, and zeros up to a multiple
  /// of 16.
  void (*append_to_cache)(const ck_cached_attention *call, long rowBegin, long rowEnd, float *scratch);
  /// `output` of queries `queryBegin ..< queryEnd`, for all query heads that read `keyValueHead`.
  void (*attend_to_cache)(
      const ck_cached_attention *call, long queryBegin, long queryEnd, long keyValueHead, float *scratch);
} ck_kernels;

#pragma clang assume_nonnull end

/// The kernels of a level, which this machine must have.
ck_kernels ck_kernels_at(ck_level level);

/// The highest level that this machine has, of those that all kernels have.
ck_level ck_detected_level(void);

/// Whether this machine has instructions that multiply pairs of bfloat16 values, which `CK_AVX512_BF16` stands for.
int ck_has_pair_products(void);

/// Whether this machine multiplies tiles of such pairs, which `CK_AMX_BF16` stands for. Asks the system to let this
/// process do so; asking again changes nothing.
int ck_has_tile_products(void);

/// Tells the core that this thread waits in a loop.
static inline void ck_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

#ifdef __cplusplus
}
#endif
