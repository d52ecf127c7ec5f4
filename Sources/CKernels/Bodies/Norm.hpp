// Root-mean-square norm of rows, with the sum that comes before it.

#pragma once

#include "Vectors.hpp"

namespace CK_LEVEL {

/// Four accumulators, as one addition has to wait several cycles for the one before.
CK_INLINE float sum_of_squares_of_row(const float *x, long width) {
  f32x16 a = 0, b = 0, c = 0, d = 0;
  long i = 0;
  for (; i + 64 <= width; i += 64) {
    const f32x16 xa = load16(x + i), xb = load16(x + i + 16);
    const f32x16 xc = load16(x + i + 32), xd = load16(x + i + 48);
    a += xa * xa;
    b += xb * xb;
    c += xc * xc;
    d += xd * xd;
  }
  for (; i + 16 <= width; i += 16) {
    const f32x16 xa = load16(x + i);
    a += xa * xa;
  }
  if (i < width) {
    const f32x16 xb = load_part16(x + i, width - i, 0);
    b += xb * xb;
  }
  return reduce_sum16((a + b) + (c + d));
}

CK_INLINE void add_row(const float *x, const float *delta, float *sum, long width) {
  long i = 0;
  for (; i + 16 <= width; i += 16) store16(sum + i, load16(x + i) + load16(delta + i));
  for (; i < width; i++) sum[i] = x[i] + delta[i];
}

template <ck_type type>
CK_INLINE void rms_norm_to(
    const float *x, const float *delta, const float *weight, float epsilon, float *sum, void *output, float *inverse,
    long rows, long width) {
  for (long row = 0; row < rows; row++) {
    const float *from = x + row * width;
    if (delta) {
      add_row(from, delta + row * width, sum + row * width, width);
      from = sum + row * width;
    }
    const float factor = 1.0f / sqrtf(sum_of_squares_of_row(from, width) / (float)width + epsilon);
    inverse[row] = factor;
    for (long i = 0; i < width; i += 16) {
      const long count = width - i;
      const f32x16 value = load_values16<CK_FLOAT32>(from, i, count);
      const f32x16 share = load_values16<CK_FLOAT32>(weight, i, count);
      store_values16<type>(output, row * width + i, count, value * factor * share);
    }
  }
}

static void rms_norm(
    const float *x, const float *delta, const float *weight, float epsilon, float *sum, ck_type type, void *output,
    float *inverse, long rows, long width) {
  if (type == CK_BFLOAT16) {
    rms_norm_to<CK_BFLOAT16>(x, delta, weight, epsilon, sum, output, inverse, rows, width);
  } else {
    rms_norm_to<CK_FLOAT32>(x, delta, weight, epsilon, sum, output, inverse, rows, width);
  }
}

/// Sum of `x · weight · gradient`, the row of the gradient from `index` on.
template <ck_type type>
CK_INLINE float dot_of_row(const float *x, const float *weight, const void *gradients, long index, long width) {
  f32x16 sums[4] = {0, 0, 0, 0};
  long i = 0;
  for (; i + 64 <= width; i += 64) {
CK_UNROLLED
    for (int j = 0; j < 4; j++) {
      const f32x16 gradient = load_values16<type>(gradients, index + i + 16 * j, 16);
      sums[j] += load16(x + i + 16 * j) * (load16(weight + i + 16 * j) * gradient);
    }
  }
  for (; i < width; i += 16) {
    const long count = width - i;
    const f32x16 gradient = load_values16<type>(gradients, index + i, count);
    sums[0] += load_values16<CK_FLOAT32>(x, i, count) * (load_values16<CK_FLOAT32>(weight, i, count) * gradient);
  }
  return reduce_sum16((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

// With n = x · inverse and h = weight · outputGradient: inputGradient = inverse · (h - n · mean(n · h)).
template <ck_type type>
CK_INLINE void rms_norm_backward_from(
    const float *x, const float *weight, const float *inverse, const void *outputGradient, const float *sumGradient,
    float *inputGradient, float *weightGradient, long rows, long width) {
  for (long row = 0; row < rows; row++) {
    const float *from = x + row * width;
    const float *extra = sumGradient ? sumGradient + row * width : 0;
    float *to = inputGradient + row * width;
    const float factor = inverse[row];
    const float dot = dot_of_row<type>(from, weight, outputGradient, row * width, width);
    const float back = factor * factor * factor * dot / (float)width;
    for (long i = 0; i < width; i += 16) {
      const long count = width - i;
      const f32x16 value = load_values16<CK_FLOAT32>(from, i, count);
      const f32x16 slope = load_values16<type>(outputGradient, row * width + i, count);
      f32x16 result = factor * (load_values16<CK_FLOAT32>(weight, i, count) * slope) - value * back;
      if (extra) result += load_values16<CK_FLOAT32>(extra, i, count);
      if (weightGradient) {
        const f32x16 before = load_values16<CK_FLOAT32>(weightGradient, i, count);
        store_values16<CK_FLOAT32>(weightGradient, i, count, before + slope * (value * factor));
      }
      store_values16<CK_FLOAT32>(to, i, count, result);
    }
  }
}

static void rms_norm_backward(
    const float *x, const float *weight, const float *inverse, ck_type type, const void *outputGradient,
    const float *sumGradient, float *inputGradient, float *weightGradient, long rows, long width) {
  if (type == CK_BFLOAT16) {
    rms_norm_backward_from<CK_BFLOAT16>(
        x, weight, inverse, outputGradient, sumGradient, inputGradient, weightGradient, rows, width);
  } else {
    rms_norm_backward_from<CK_FLOAT32>(
        x, weight, inverse, outputGradient, sumGradient, inputGradient, weightGradient, rows, width);
  }
}

}  // namespace CK_LEVEL
