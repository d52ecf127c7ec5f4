// The update of weights and moments.

#pragma once

#include "Vectors.hpp"

namespace CK_LEVEL {

static void adamw(
    const ck_adamw_step *step, float *weights, const float *gradients, float *firstMoments, float *secondMoments,
    long count) {
  const ck_adamw_step s = *step;
  for (long i = 0; i < count; i += 16) {
    const long rest = count - i;
    const int isWhole = rest >= 16;
    const f32x16 gradient =
        s.gradientScale * (isWhole ? load16(gradients + i) : load_part16(gradients + i, rest, 0));
    f32x16 weight = isWhole ? load16(weights + i) : load_part16(weights + i, rest, 0);
    f32x16 first = isWhole ? load16(firstMoments + i) : load_part16(firstMoments + i, rest, 0);
    f32x16 second = isWhole ? load16(secondMoments + i) : load_part16(secondMoments + i, rest, 0);

    first += s.blend1 * (gradient - first);
    second = s.beta2 * second + s.blend2 * (gradient * gradient);
    weight = s.keep * weight - s.stepSize * first / (__builtin_elementwise_sqrt(second) * s.rootScale + s.epsilon);

    if (isWhole) {
      store16(weights + i, weight);
      store16(firstMoments + i, first);
      store16(secondMoments + i, second);
    } else {
      store_part16(weights + i, rest, weight);
      store_part16(firstMoments + i, rest, first);
      store_part16(secondMoments + i, rest, second);
    }
  }
}

}  // namespace CK_LEVEL
