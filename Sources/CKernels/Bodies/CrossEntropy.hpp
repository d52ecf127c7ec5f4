// Loss of a row of logits.

#pragma once

#include "Vectors.hpp"

namespace CK_LEVEL {

CK_INLINE float max_of_row(const float *x, long width) {
  const f32x16 least = splat16(-INFINITY);
  f32x16 a = least, b = least, c = least, d = least;
  long i = 0;
  for (; i + 64 <= width; i += 64) {
    a = max16(load16(x + i), a);
    b = max16(load16(x + i + 16), b);
    c = max16(load16(x + i + 32), c);
    d = max16(load16(x + i + 48), d);
  }
  for (; i + 16 <= width; i += 16) a = max16(load16(x + i), a);
  if (i < width) b = max16(load_part16(x + i, width - i, -INFINITY), b);
  return reduce_max16(max16(max16(a, b), max16(c, d)));
}

/// Sum of `exp(x - largest)`, whose terms go to `to` where there is one (it may be `x`).
CK_INLINE float sum_of_exponentials(const float *x, float *to, long width, float largest) {
  f32x16 a = 0, b = 0;
  long i = 0;
  for (; i + 32 <= width; i += 32) {
    const f32x16 ea = exp16(load16(x + i) - largest), eb = exp16(load16(x + i + 16) - largest);
    a += ea;
    b += eb;
    if (to) store16(to + i, ea);
    if (to) store16(to + i + 16, eb);
  }
  for (; i + 16 <= width; i += 16) {
    const f32x16 e = exp16(load16(x + i) - largest);
    a += e;
    if (to) store16(to + i, e);
  }
  if (i < width) {
    const f32x16 e = exp16(load_part16(x + i, width - i, -INFINITY) - largest);
    b += e;
    if (to) store_part16(to + i, width - i, e);
  }
  return reduce_sum16(a + b);
}

static float cross_entropy_gradient(float *logits, long width, long target, float gradientScale) {
  const float largest = max_of_row(logits, width);
  const double distance = (double)largest - (double)logits[target];
  const float sum = sum_of_exponentials(logits, logits, width, largest);
  const float factor = gradientScale / sum;
  long i = 0;
  for (; i + 16 <= width; i += 16) store16(logits + i, load16(logits + i) * factor);
  for (; i < width; i++) logits[i] *= factor;
  logits[target] -= gradientScale;
  return (float)(log((double)sum) + distance);
}

static float cross_entropy(const float *logits, long width, long target) {
  const float largest = max_of_row(logits, width);
  const float sum = sum_of_exponentials(logits, 0, width, largest);
  return (float)(log((double)sum) + ((double)largest - (double)logits[target]));
}

}  // namespace CK_LEVEL
