// Pairs of bfloat16 values with the processor's instructions for them (AVX512-BF16).

#pragma once

namespace CK_LEVEL {

/// Vectors of columns of a product's tile: as many sums as there are registers for.
constexpr int pair_tile_vectors = 4;

/// The nearest bfloat16 values, of two the even one.
CK_INLINE u16x16 rounded16(f32x16 x) { return (u16x16)_mm512_cvtneps_pbh((__m512)x); }

/// Pairs of a lane of `low` and the same lane of `high`.
CK_INLINE i32x16 pair16(f32x16 low, f32x16 high) {
  const __m512i order = _mm512_set_epi16(
      31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1,
      16, 0);
  return (i32x16)_mm512_permutexvar_epi16(order, (__m512i)_mm512_cvtne2ps_pbh((__m512)high, (__m512)low));
}

/// Pairs of 32 neighbours in two vectors.
CK_INLINE i32x16 pair_neighbours(f32x16 first, f32x16 second) {
  return (i32x16)_mm512_cvtne2ps_pbh((__m512)second, (__m512)first);
}

/// `sums + a · b` for both values of each pair.
CK_INLINE f32x16 add_pair_products(f32x16 sums, i32x16 a, i32x16 b) {
  return (f32x16)_mm512_dpbf16_ps((__m512)sums, (__m512bh)a, (__m512bh)b);
}

}  // namespace CK_LEVEL
