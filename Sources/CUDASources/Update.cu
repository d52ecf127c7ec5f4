// Whether a step updates the weights, and AdamW, all without the host. What was decided lies in `UpdateControl` of
// TensorCore: eight doubles.
#include "KernelArguments.h"
#include "Prelude.cuh"

enum ControlValue { loss, gradientNorm, gradientScale, correction1, correction2, isUpdated, isSpike, updateCount };

/// By squaring, as on the processor.
INLINE double power(double base, long exponent) {
  double result = 1;
  for (; exponent > 0; exponent >>= 1) {
    if (exponent & 1) result *= base;
    base *= base;
  }
  return result;
}

INLINE bool isFinite(double x) { return fabs(x) < double(infinity); }

/// One thread. `sums`: the summed loss of all targets, and the sum of all squared gradients.
extern "C" __global__ void decideUpdate(const UpdateLimits limits, const double *sums, double *control) {
  const double mean = sums[0] / limits.targetCount, norm = sqrt(sums[1]);
  const bool finite = isFinite(mean) && isFinite(norm), stands = finite && mean > limits.lossThreshold;
  const long count = long(control[updateCount]) + (finite && !stands ? 1 : 0);
  control[loss] = mean;
  control[gradientNorm] = norm;
  control[gradientScale] = limits.clipNorm > 0 ? fmin(1.0, limits.clipNorm / (norm + 1e-6)) : 1.0;
  control[correction1] = 1 - power(limits.beta1, count);
  control[correction2] = 1 - power(limits.beta2, count);
  control[isUpdated] = finite && !stands;
  control[isSpike] = stands;
  control[updateCount] = double(count);
}

/// What the loop over weights reads, derived in double precision, as differences from one lose digits.
struct Factors {
  float gradient, keep, blend1, beta2, blend2, size, root, epsilon;
};

INLINE void update(const Factors &f, float &w, float gradient, float &m, float &v) {
  const float g = gradient * f.gradient;
  m += f.blend1 * (g - m);
  v = f.beta2 * v + f.blend2 * g * g;
  w = w * f.keep - f.size * m / (sqrtf(v) * f.root + f.epsilon);
}

/// Four elements a thread. `roundedWeights` receives the weights in bfloat16 unless it is null.
extern "C" __global__ void __launch_bounds__(256) adamW(
  const UpdateNumbers step, const double *control, const float *gradients, float *weights, float *firstMoments,
  float *secondMoments, bf16 *roundedWeights, long count) {
  __shared__ Factors shared;
  if (control[isUpdated] == 0) return;
  if (threadIdx.x == 0) {
    shared = {
      float(control[gradientScale]), float(1 - double(step.rate) * step.decay), float(1 - double(step.beta1)), step.beta2,
      float(1 - double(step.beta2)), float(step.rate / double(float(control[correction1]))),
      float(1 / sqrt(double(float(control[correction2])))), step.epsilon};
  }
  __syncthreads();
  const Factors f = shared;
  const long at = (long(blockIdx.x) * 256 + threadIdx.x) * 4;
  const bool isAligned = isAligned16(gradients) && isAligned16(weights) && isAligned16(firstMoments) &&
                         isAligned16(secondMoments) && u64(roundedWeights) % 8 == 0;
  if (!isAligned || at + 4 > count) {
    for (long i = at; i < at + 4 && i < count; i++) {
      update(f, weights[i], gradients[i], firstMoments[i], secondMoments[i]);
      if (roundedWeights) roundedWeights[i] = rounded<bf16>(weights[i]);
    }
    return;
  }
  const float4 g = *reinterpret_cast<const float4 *>(gradients + at);
  float4 w = *reinterpret_cast<const float4 *>(weights + at);
  float4 m = *reinterpret_cast<const float4 *>(firstMoments + at);
  float4 v = *reinterpret_cast<const float4 *>(secondMoments + at);
  update(f, w.x, g.x, m.x, v.x);
  update(f, w.y, g.y, m.y, v.y);
  update(f, w.z, g.z, m.z, v.z);
  update(f, w.w, g.w, m.w, v.w);
  *reinterpret_cast<float4 *>(weights + at) = w;
  *reinterpret_cast<float4 *>(firstMoments + at) = m;
  *reinterpret_cast<float4 *>(secondMoments + at) = v;
  if (roundedWeights) {
    *reinterpret_cast<uint2 *>(roundedWeights + at) = make_uint2(pack(w.x, w.y), pack(w.z, w.w));
  }
}
