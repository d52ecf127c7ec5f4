// Pairs of bfloat16 values where the processor has no instructions for them: bit operations, and products one by one.

#pragma once

namespace CK_LEVEL {

/// Vectors of columns of a product's tile: as many sums as there are registers for.
constexpr int pair_tile_vectors = 1;

/// Bits whose upper halves are the nearest bfloat16 values, of two the even one; not a number stays none.
CK_INLINE i32x16 round_bits(f32x16 x) {
  i32x16 bits;
  memcpy(&bits, &x, sizeof bits);
  const i32x16 nearest = bits + 0x7fff + ((bits >> 16) & 1);
  return x == x ? nearest : bits | 0x400000;
}

/// The nearest bfloat16 values.
CK_INLINE u16x16 rounded16(f32x16 x) { return __builtin_convertvector(round_bits(x) >> 16, u16x16); }

/// Pairs of a lane of `low` and the same lane of `high`.
CK_INLINE i32x16 pair16(f32x16 low, f32x16 high) {
  return ((round_bits(low) >> 16) & 0xffff) | (round_bits(high) & ~0xffff);
}

/// Pairs of 32 neighbours in two vectors.
CK_INLINE i32x16 pair_neighbours(f32x16 first, f32x16 second) {
  return pair16(
      __builtin_shufflevector(first, second, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30),
      __builtin_shufflevector(first, second, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31));
}

/// `sums + a · b` for both values of each pair.
CK_INLINE f32x16 add_pair_products(f32x16 sums, i32x16 a, i32x16 b) {
  const i32x16 parts[4] = {a << 16, b << 16, a & ~0xffff, b & ~0xffff};
  f32x16 values[4];
  memcpy(values, parts, sizeof values);
  sums += values[0] * values[1];
  return sums + values[2] * values[3];
}

}  // namespace CK_LEVEL
