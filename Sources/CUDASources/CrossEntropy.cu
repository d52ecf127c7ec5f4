// Cross-entropy of rows of logits, a block a row, and their gradient in place.
#include "Prelude.cuh"

typedef ACTIVATION Activation;

/// The largest of some numbers, times log2 of e, and the sum of 2 to the power of all less it.
struct Softmax {
  float largest, sum;
};

INLINE Softmax joined(const Softmax &a, const Softmax &b) {
  const float largest = fmaxf(a.largest, b.largest);
  // Two parts without a number have minus infinity each.
  if (largest == -infinity) return {largest, 0};
  return {largest, a.sum * exp2Fast(a.largest - largest) + b.sum * exp2Fast(b.largest - largest)};
}

INLINE Softmax warpJoined(Softmax s) {
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) {
    s = joined(
      s, {__shfl_xor_sync(allLanes, s.largest, distance), __shfl_xor_sync(allLanes, s.sum, distance)});
  }
  return s;
}

/// Logits `[rows, columnCount]`, a multiple of 8. Losses in nats; a negative target has neither loss nor gradient. With
/// `writesGradient` a row becomes its softmax less one at the target, times `gradientScale`.
extern "C" __global__ void __launch_bounds__(512) crossEntropy(
  Activation *logits, const int *targets, float *losses, int columnCount, int writesGradient, float gradientScale) {
  __shared__ Softmax parts[16];
  Activation *row = logits + long(blockIdx.x) * columnCount;
  const int target = targets[blockIdx.x];
  if (target < 0) {
    if (threadIdx.x == 0) losses[blockIdx.x] = 0;
    const Eight zeros = {};
    if (!writesGradient) return;
    for (int column = threadIdx.x * 8; column < columnCount; column += 512 * 8) store8(row + column, zeros);
    return;
  }
  const float targetLogit = toFloat(row[target]);
  Softmax own = {-infinity, 0};
  for (int column = threadIdx.x * 8; column < columnCount; column += 512 * 8) {
    Eight x = load8(row + column);
    float largest = own.largest, sum = 0;
#pragma unroll
    for (int i = 0; i < 8; i++) {
      x.x[i] *= log2OfE;
      largest = fmaxf(largest, x.x[i]);
    }
#pragma unroll
    for (int i = 0; i < 8; i++) sum += exp2Fast(x.x[i] - largest);
    own = {largest, own.sum * exp2Fast(own.largest - largest) + sum};
  }
  own = warpJoined(own);
  if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = own;
  __syncthreads();
  const int lane = threadIdx.x % 32;
  const Softmax all = warpJoined(lane < 16 ? parts[lane] : Softmax{-infinity, 0});
  const float logSum = all.largest + log2f(all.sum);
  if (threadIdx.x == 0) losses[blockIdx.x] = logSum * ln2 - targetLogit;
  if (!writesGradient) return;
  for (int column = threadIdx.x * 8; column < columnCount; column += 512 * 8) {
    Eight x = load8(row + column);
#pragma unroll
    for (int i = 0; i < 8; i++) {
      x.x[i] = (exp2Fast(x.x[i] * log2OfE - logSum) - (column + i == target ? 1.0f : 0.0f)) * gradientScale;
    }
    store8(row + column, x);
  }
}
