// Products of operands rounded to bfloat16, summed in single precision: both operands are packed, then multiplied.
//
// A value is rounded to the nearest, of two the even one; not a number and infinities stay so. Two neighbours along the
// depth make one 32-bit pair. Whatever the level, an element of `c` is the sum of its products in one order, so it does
// not depend on how rows and columns are cut into calls. Levels of pairs and tiles take subnormal values for zero.

#pragma once

#include <stdint.h>

/// Whether this machine has instructions that multiply pairs of bfloat16 values, which `CK_AVX512_BF16` stands for.
int ck_has_pair_products(void);

/// Whether this machine multiplies tiles of such pairs, which `CK_AMX_BF16` stands for. Asks the system to let this
/// process do so; asking again changes nothing.
int ck_has_tile_products(void);

/// Columns of a panel.
enum { CK_PANEL_WIDTH = 64 };

/// Pairs that a row or column of `depth` values takes, zeros at the end included.
static inline long ck_pair_count(long depth) { return (depth + 31) / 32 * 16; }

/// Packs rows of an operand on the left to `to` `[rows, ck_pair_count(depth)]`.
///
/// `a` is `[rows, depth]` in memory, or `[depth, rows]` if `isTransposed`, its rows `stride` apart. Rows of bfloat16
/// values whose number is a multiple of 32 are packed as they lie.
void ck_pack_rows(
    ck_level level, ck_type type, const void *a, long stride, int isTransposed, long rows, long depth, uint32_t *to);

/// Packs columns of an operand on the right to panels `to` `[panels, ck_pair_count(depth), CK_PANEL_WIDTH]`, of which
/// the last may have fewer columns.
///
/// `b` is `[depth, columns]` in memory, or `[columns, depth]` if `isTransposed`, its rows `stride` apart.
void ck_pack_panels(
    ck_level level, ck_type type, const void *b, long stride, int isTransposed, long columns, long depth,
    uint32_t *to);

/// `c = scale · a · b`, added to `c` if `accumulate`; `a` packed rows, `aStride` pairs apart, `b` as many packed panels
/// as `columns` take, both of `depth`. Sums are rounded to the type of `c` last of all.
void ck_multiply_packed(
    ck_level level, const uint32_t *a, long aStride, long rows, const uint32_t *b, long columns, long depth,
    float scale, int accumulate, ck_type type, void *c, long cStride);
