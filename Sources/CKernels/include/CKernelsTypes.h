// What the kernels share.

#pragma once

#include <stdint.h>

/// Instruction set levels, each containing the ones before. On arm64 there is the baseline alone, which has NEON.
/// The last two are for what reads or writes bfloat16 values, and the level before them for all else.
typedef enum { CK_BASELINE = 0, CK_AVX2 = 1, CK_AVX512 = 2, CK_AVX512_BF16 = 3, CK_AMX_BF16 = 4 } ck_level;

/// How values lie in memory. A bfloat16 value is the upper half of a single one.
typedef enum { CK_FLOAT32 = 0, CK_BFLOAT16 = 1 } ck_type;

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

// Products of operands rounded to bfloat16, summed in single precision: both operands are packed, then multiplied.
//
// A value is rounded to the nearest, of two the even one; not a number and infinities stay so. Two neighbours along the
// depth make one 32-bit pair. Whatever the level, an element of `c` is the sum of its products in one order, so it does
// not depend on how rows and columns are cut into calls. Levels of pairs and tiles take subnormal values for zero.

/// Columns of a panel.
enum { CK_PANEL_WIDTH = 64 };

/// Pairs that a row or column of `depth` values takes, zeros at the end included.
static inline long ck_pair_count(long depth) { return (depth + 31) / 32 * 16; }
