// The norm of gradients by a fixed tree, what follows from it, and AdamW, all without the host.
#include "KernelArguments.h"
#include "Prelude.cuh"

/// Sums of squares of `blocks` parts of `x`; block `b` takes every `blocks`-th group of 256 times 8 elements.
extern "C" __global__ void __launch_bounds__(256) sumOfSquares(const float *x, long count, double *parts) {
  double total = 0;
  for (long at = (long(blockIdx.x) * 256 + threadIdx.x) * 8; at < count; at += long(gridDim.x) * 256 * 8) {
    if (at + 8 <= count) {
      const Eight e = load8(x + at);
      float sum = 0;
#pragma unroll
      for (int i = 0; i < 8; i++) sum += e.x[i] * e.x[i];
      total += sum;
    } else {
      for (long i = at; i < count; i++) total += double(x[i]) * x[i];
    }
  }
  total = blockSum(total);
  if (threadIdx.x == 0) parts[blockIdx.x] = total;
}

/// One block: the norm of gradients times `scale`; the factor clips it to `maximumNorm` (infinity: not at all). A norm
/// that is not finite, or above `largestNorm`, skips the update.
extern "C" __global__ void __launch_bounds__(1024) decideUpdate(
  const double *parts, int partCount, float scale, float maximumNorm, float largestNorm, UpdateControl *control) {
  double total = 0;
  for (int i = threadIdx.x; i < partCount; i += 1024) total += parts[i];
  total = blockSum(total);
  if (threadIdx.x > 0) return;
  const double norm = sqrt(total) * scale;
  const double clip = maximumNorm / (norm + 1e-6);
  control->factor = float(scale * (clip < 1 ? clip : 1.0));
  control->skips = !(norm <= largestNorm) || norm == double(infinity);
  control->norm = norm;
}

/// Four elements a thread; `count` is a multiple of 4. `roundedWeights` receives the weights in bfloat16 unless it is null.
extern "C" __global__ void __launch_bounds__(256) adamW(
  const UpdateNumbers step, const UpdateControl *control, const float *gradients, float *weights, float *firstMoments,
  float *secondMoments, bf16 *roundedWeights, long count) {
  if (control->skips) return;
  const float factor = control->factor, size = step.rate / step.correction1, root = rsqrtf(step.correction2);
  const long at = (long(blockIdx.x) * 256 + threadIdx.x) * 4;
  if (at >= count) return;
  float4 g = *reinterpret_cast<const float4 *>(gradients + at), w = *reinterpret_cast<const float4 *>(weights + at);
  float4 m = *reinterpret_cast<const float4 *>(firstMoments + at);
  float4 v = *reinterpret_cast<const float4 *>(secondMoments + at);
  auto update = [&](float &w, float gradient, float &m, float &v) {
    const float g = gradient * factor;
    w -= step.rate * step.decay * w;
    m += (1 - step.beta1) * (g - m);
    v = step.beta2 * v + (1 - step.beta2) * g * g;
    w -= size * m / (sqrtf(v) * root + step.epsilon);
  };
  update(w.x, g.x, m.x, v.x);
  update(w.y, g.y, m.y, v.y);
  update(w.z, g.z, m.z, v.z);
  update(w.w, g.w, m.w, v.w);
  *reinterpret_cast<float4 *>(weights + at) = w;
  *reinterpret_cast<float4 *>(firstMoments + at) = m;
  *reinterpret_cast<float4 *>(secondMoments + at) = v;
  if (roundedWeights) {
    *reinterpret_cast<uint2 *>(roundedWeights + at) = make_uint2(pack(w.x, w.y), pack(w.z, w.w));
  }
}
