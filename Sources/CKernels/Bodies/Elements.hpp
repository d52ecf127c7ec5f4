// Elementwise work, sums in double precision, the index of the largest.

#pragma once

#include "Vectors.hpp"

namespace CK_LEVEL {

static void add(const float *x, float *y, long count) {
  long i = 0;
  for (; i + 16 <= count; i += 16) store16(y + i, load16(y + i) + load16(x + i));
  for (; i < count; i++) y[i] += x[i];
}

static void scale(float *x, float factor, long count) {
  long i = 0;
  for (; i + 16 <= count; i += 16) store16(x + i, load16(x + i) * factor);
  for (; i < count; i++) x[i] *= factor;
}

static void fill(float *x, float value, long count) {
  long i = 0;
  for (; i + 16 <= count; i += 16) store16(x + i, splat16(value));
  for (; i < count; i++) x[i] = value;
}

static void add_rows(const float *x, long rows, long columns, long stride, float *sums) {
  long column = 0;
  // Four vectors of sums stay in registers over all rows, and a row gives whole cache lines.
  for (; column + 64 <= columns; column += 64) {
    f32x16 a = load16(sums + column), b = load16(sums + column + 16);
    f32x16 c = load16(sums + column + 32), d = load16(sums + column + 48);
    const float *from = x + column;
    for (long row = 0; row < rows; row++, from += stride) {
      a += load16(from);
      b += load16(from + 16);
      c += load16(from + 32);
      d += load16(from + 48);
    }
    store16(sums + column, a);
    store16(sums + column + 16, b);
    store16(sums + column + 32, c);
    store16(sums + column + 48, d);
  }
  for (; column < columns; column++) {
    for (long row = 0; row < rows; row++) sums[column] += x[row * stride + column];
  }
}


CK_INLINE f64x8 widen8(f32x8 x) { return __builtin_convertvector(x, f64x8); }

CK_INLINE double reduce_double(f64x8 x) {
  return ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7]));
}

static double sum(const float *x, long count) {
  f64x8 low = 0, high = 0;
  long i = 0;
  for (; i + 16 <= count; i += 16) {
    const f32x16 value = load16(x + i);
    low += widen8(value.lo);
    high += widen8(value.hi);
  }
  double total = reduce_double(low + high);
  for (; i < count; i++) total += (double)x[i];
  return total;
}

static double sum_of_squares(const float *x, long count) {
  f64x8 low = 0, high = 0;
  long i = 0;
  for (; i + 16 <= count; i += 16) {
    const f32x16 value = load16(x + i);
    low += widen8(value.lo) * widen8(value.lo);
    high += widen8(value.hi) * widen8(value.hi);
  }
  double total = reduce_double(low + high);
  for (; i < count; i++) total += (double)x[i] * (double)x[i];
  return total;
}

static long argmax(const float *x, long count) {
  f32x16 best = splat16(-INFINITY);
  long i = 0;
  for (; i + 16 <= count; i += 16) best = max16(load16(x + i), best);
  float largest = reduce_max16(best);
  for (; i < count; i++) largest = x[i] > largest ? x[i] : largest;

  long index = 0;
  while (index + 16 <= count && !__builtin_reduce_or(load16(x + index) == largest)) index += 16;
  for (; index < count; index++) {
    if (x[index] == largest) return index;
  }
  return 0;
}

}  // namespace CK_LEVEL
