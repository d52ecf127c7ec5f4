// Vector kernels of the CPU backend. Each is compiled once per instruction set level of the architecture; the level is
// an argument, so that a test can ask for any that the machine has. Kernels work on one thread and hold no state.
//
// Counts may be zero. Pointers need no alignment beyond that of a float, and memory does not overlap unless a comment
// allows it.

#pragma once

/// Instruction set levels, each containing the ones before. On arm64 there is the baseline alone, which has NEON.
/// The last two are for what reads or writes bfloat16 values, and the level before them for all else.
typedef enum { CK_BASELINE = 0, CK_AVX2 = 1, CK_AVX512 = 2, CK_AVX512_BF16 = 3, CK_AMX_BF16 = 4 } ck_level;

/// How values lie in memory. A bfloat16 value is the upper half of a single one.
typedef enum { CK_FLOAT32 = 0, CK_BFLOAT16 = 1 } ck_type;

/// The highest level that this machine has, of those that all kernels have.
ck_level ck_detected_level(void);

/// Tells the core that this thread waits in a loop.
static inline void ck_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

// Elements

/// `y += x`.
void ck_add(ck_level level, const float *x, float *y, long count);
/// `x *= factor`.
void ck_scale(ck_level level, float *x, float factor, long count);
void ck_fill(ck_level level, float *x, float value, long count);
/// Adds `x` `[rows, columns]`, whose rows are `stride` apart, to `sums` `[columns]`, row after row.
void ck_add_rows(ck_level level, const float *x, long rows, long columns, long stride, float *sums);
double ck_sum(ck_level level, const float *x, long count);
double ck_sum_of_squares(ck_level level, const float *x, long count);
/// Index of the largest element, the first of equals; 0 if there is none.
long ck_index_of_largest(ck_level level, const float *x, long count);

// Products

/// `c = scale · a · bᵀ`, added to `c` if `accumulate`; `a` `[rows, depth]`, `b` `[columns, depth]`. For so few rows that
/// reading `b` is most of the work.
void ck_multiply_few_rows(
    ck_level level, const float *a, long aStride, long rows, const float *b, long bStride, long columns, long depth,
    float scale, int accumulate, float *c, long cStride);

// Norm, over `rows` rows of `width` elements

/// Output and its gradient are of the type that is named. `sum = x + delta` where there is a `delta`; `output = sum · inverse · weight` with `inverse` one over the root of
/// mean square plus `epsilon`. `sum` may be `x` or `delta`.
void ck_rms_norm(
    ck_level level, const float *x, const float *delta, const float *weight, float epsilon, float *sum,
    ck_type type, void *output, float *inverse, long rows, long width);

/// Gradient with respect to the normed input `x`, plus `sumGradient` where there is one (it may be `inputGradient`).
/// Adds the gradient of the weight to `weightGradient` where there is one.
void ck_rms_norm_backward(
    ck_level level, const float *x, const float *weight, const float *inverse, ck_type type,
    const void *outputGradient, const float *sumGradient, float *inputGradient, float *weightGradient, long rows,
    long width);

// SwiGLU, over rows `gate | up` of twice `width` elements, all of one type

void ck_swiglu(ck_level level, ck_type type, const void *gateUp, void *output, long rows, long width);
/// `gateUpGradient` may be `gateUp`. `output`, if not null, receives the output once more; it may be `outputGradient`.
void ck_swiglu_backward(
    ck_level level, ck_type type, const void *gateUp, const void *outputGradient, void *gateUpGradient, void *output,
    long rows, long width);

// Loss

/// Cross-entropy of one row against `target`, in nats. The row becomes its gradient times `gradientScale`.
float ck_cross_entropy_gradient(ck_level level, float *logits, long width, long target, float gradientScale);
/// Cross-entropy of one row against `target`, in nats.
float ck_cross_entropy(ck_level level, const float *logits, long width, long target);

// Update

/// The numbers of `AdamWStep`, as the loop uses them.
typedef struct {
  float gradientScale;
  /// `1 - rate · decay`.
  float keep;
  /// `1 - beta1`.
  float blend1;
  float beta2;
  /// `1 - beta2`.
  float blend2;
  /// `rate / correction1`.
  float stepSize;
  /// `1 / sqrt(correction2)`.
  float rootScale;
  float epsilon;
} ck_adamw_step;

void ck_adamw(
    ck_level level, const ck_adamw_step *step, float *weights, const float *gradients, float *firstMoments,
    float *secondMoments, long count);

#include "CKernelsAttention.h"
#include "CKernelsBFloat16.h"
