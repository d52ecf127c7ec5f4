// Sixteen floats at a time: one register with AVX-512, two with AVX2, four with SSE2 or NEON.

#pragma once

#ifdef CK_PAIR_INSTRUCTIONS
#include "PairInstructions.hpp"
#else
#include "PairEmulation.hpp"
#endif

namespace CK_LEVEL {

CK_INLINE f32x16 splat16(float value) { return (f32x16)value; }

CK_INLINE f32x16 load16(const float *from) {
  f32x16 x;
  memcpy(&x, from, sizeof x);
  return x;
}

/// The first `count < 16` lanes from memory, `rest` in the others.
CK_INLINE f32x16 load_part16(const float *from, long count, float rest) {
  f32x16 x = rest;
  memcpy(&x, from, (unsigned long)count * sizeof(float));
  return x;
}

CK_INLINE void store16(float *to, f32x16 x) { memcpy(to, &x, sizeof x); }

CK_INLINE void store_part16(float *to, long count, f32x16 x) {
  memcpy(to, &x, (unsigned long)count * sizeof(float));
}

/// Address of a value.
CK_INLINE const void *value_at(ck_type type, const void *values, long index) {
  return type == CK_BFLOAT16 ? (const void *)((const uint16_t *)values + index) : (const float *)values + index;
}

/// The first `count` lanes from memory, at most all, and zeros in the others.
template <ck_type type>
CK_INLINE f32x16 load_values16(const void *values, long index, long count) {
  if constexpr (type == CK_FLOAT32) {
    const float *from = (const float *)values + index;
    return count >= 16 ? load16(from) : load_part16(from, count, 0);
  }
  const uint16_t *from = (const uint16_t *)values + index;
  u16x16 halves = 0;
  if (count >= 16) memcpy(&halves, from, sizeof halves);
  else memcpy(&halves, from, (unsigned long)count * sizeof(uint16_t));
  const i32x16 bits = __builtin_convertvector(halves, i32x16) << 16;
  f32x16 x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

/// Writes the first `count` lanes, at most all.
template <ck_type type>
CK_INLINE void store_values16(void *values, long index, long count, f32x16 x) {
  if constexpr (type == CK_FLOAT32) {
    float *to = (float *)values + index;
    if (count >= 16) store16(to, x);
    else store_part16(to, count, x);
    return;
  }
  uint16_t *to = (uint16_t *)values + index;
  const u16x16 halves = rounded16(x);
  if (count >= 16) memcpy(to, &halves, sizeof halves);
  else memcpy(to, &halves, (unsigned long)count * sizeof(uint16_t));
}

/// Stores past the caches, to an address that is a multiple of 64: without reading first what it overwrites. Before
/// another thread reads it, `end_streams`.
CK_INLINE void stream16(float *to, f32x16 x) { __builtin_nontemporal_store(x, (f32x16 *)to); }

CK_INLINE void end_streams(void) {
#if defined(__x86_64__)
  __builtin_ia32_sfence();
#endif
}

/// The larger of each pair; `b` where one is not a number.
CK_INLINE f32x16 max16(f32x16 a, f32x16 b) { return a > b ? a : b; }

/// Exponentials, within 1e-7 of the true ones; 0 where that would not be a normal number.
///
/// The argument is `n ln 2 + r` with `|r| <= ln 2 / 2`; a polynomial gives `exp(r)` and `n` goes into the exponent.
/// - Source: coefficients of Cephes' `expf`.
CK_INLINE f32x16 exp16(f32x16 x) {
#pragma clang fp reassociate(off)
  // Adding and taking away 1.5 · 2^23 rounds to an integer, which is then also in the low bits.
  const float rounder = 12582912.0f;
  const f32x16 shifted = x * 1.44269504088896341f + rounder;
  const f32x16 n = shifted - rounder;
  const f32x16 r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  f32x16 p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  const f32x16 y = (p * (r * r) + r) + 1.0f;

  i32x16 bits, exponent;
  memcpy(&bits, &y, sizeof bits);
  memcpy(&exponent, &shifted, sizeof exponent);
  bits += exponent << 23;
  f32x16 result;
  memcpy(&result, &bits, sizeof result);

  result = x < -87.33654f ? splat16(0.0f) : result;
  // What is not a number stays so.
  return x <= 88.72283f ? result : x + INFINITY;
}

CK_INLINE float reduce_sum16(f32x16 x) {
  const f32x8 eight = x.lo + x.hi;
  const float four[4] = {
      eight[0] + eight[4], eight[1] + eight[5], eight[2] + eight[6], eight[3] + eight[7]};
  return (four[0] + four[2]) + (four[1] + four[3]);
}

/// The largest lane that is a number.
CK_INLINE float reduce_max16(f32x16 x) {
  const f32x16 numbers = x == x ? x : splat16(-INFINITY);
  const f32x8 eight = numbers.lo > numbers.hi ? numbers.lo : numbers.hi;
  const f32x4 four = eight.lo > eight.hi ? eight.lo : eight.hi;
  const f32x2 two = four.lo > four.hi ? four.lo : four.hi;
  return two[0] > two[1] ? two[0] : two[1];
}

}  // namespace CK_LEVEL
