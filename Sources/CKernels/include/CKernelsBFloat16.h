// Products of operands rounded to bfloat16, summed in single precision: both operands are packed, then multiplied.
//
// A value is rounded to the nearest, of two the even one; not a number and infinities stay so. Two neighbours along the
// depth make one 32-bit pair. Whatever the level, an element of `c` is the sum of its products in one order, so it does
// not depend on how rows and columns are cut into calls. Levels of pairs and tiles take subnormal values for zero.

#pragma once

#include <stdint.h>

/// Columns of a panel.
enum { CK_PANEL_WIDTH = 64 };

/// Pairs that a row or column of `depth` values takes, zeros at the end included.
static inline long ck_pair_count(long depth) { return (depth + 31) / 32 * 16; }
