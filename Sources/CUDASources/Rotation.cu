// Norms of query and key heads and their rotary embedding, over the whole of a head of HEAD_WIDTH channels, a multiple of
// 16. A thread has eight channels of the first half of a head and the eight that turn with them.
#include "AttentionCall.cuh"
#include "Positions.cuh"

typedef ACTIVATION Activation;

constexpr int headWidth = HEAD_WIDTH, halfWidth = headWidth / 2, headThreads = headWidth / 16;

struct Angles {
  Eight cosine, sine;
};

INLINE Angles anglesOf(const float *cosines, const float *sines, int position, int channel) {
  const long at = long(position) * halfWidth + channel;
  return {load8(cosines + at), load8(sines + at)};
}

/// Sum over the threads of a head.
INLINE float headSum(float x) {
#pragma unroll
  for (int distance = headThreads / 2; distance > 0; distance /= 2) x += __shfl_xor_sync(allLanes, x, distance);
  return x;
}

INLINE float inverseOf(const Eight &a, const Eight &b, float epsilon) {
  float squares = 0;
#pragma unroll
  for (int i = 0; i < 8; i++) squares += a.x[i] * a.x[i] + b.x[i] * b.x[i];
  return rsqrtf(headSum(squares) / headWidth + epsilon);
}

/// Query and key heads of `packed` to `rotated`, `rotatedStride` elements a row, which may be `packed` where there are no
/// norms. Query heads of rows without queries are left out.
extern "C" __global__ void __launch_bounds__(256) rotateForward(
  const AttentionCall call, const Activation *packed, int packedStride, const float *cosines, const float *sines,
  const float *queryNorm, const float *keyNorm, float epsilon, Activation *rotated, int rotatedStride,
  long rowCount) {
  const int heads = call.headCount + call.keyValueHeadCount;
  const long index = long(blockIdx.x) * 256 + threadIdx.x, item = index / headThreads;
  // All lanes take part in the sums over a head, those past the end with the last row's numbers.
  const long row = min(item / heads, rowCount - 1);
  const int head = int(item % heads), channel = int(index % headThreads) * 8;
  const bool isKey = head >= call.headCount;
  const Activation *from = packed + row * packedStride + head * headWidth + channel;
  Eight a = load8(from), b = load8(from + halfWidth);
  if (queryNorm) {
    const float *norm = isKey ? keyNorm : queryNorm;
    const float factor = inverseOf(a, b, epsilon);
    const Eight normA = load8(norm + channel), normB = load8(norm + channel + halfWidth);
#pragma unroll
    for (int i = 0; i < 8; i++) {
      a.x[i] *= factor * normA.x[i];
      b.x[i] *= factor * normB.x[i];
    }
  }
  const Angles angles = anglesOf(cosines, sines, positionOf(call, row), channel);
  Eight turnedA, turnedB;
#pragma unroll
  for (int i = 0; i < 8; i++) {
    turnedA.x[i] = a.x[i] * angles.cosine.x[i] - b.x[i] * angles.sine.x[i];
    turnedB.x[i] = b.x[i] * angles.cosine.x[i] + a.x[i] * angles.sine.x[i];
  }
  const bool hasQuery = !call.dropsFirstQueries || row >= long(call.sequenceCount) * call.firstCount;
  if (item / heads >= rowCount || !(isKey || hasQuery)) return;
  Activation *to = rotated + row * rotatedStride + head * headWidth + channel;
  store8(to, turnedA);
  store8(to + halfWidth, turnedB);
}

/// The gradient of `rotateForward` in place of the gradients of rotated heads. With norms, each block writes its part of
/// their gradients to `parts` `[blocks, query norm | key norm]`.
extern "C" __global__ void __launch_bounds__(256) rotateBackward(
  const AttentionCall call, const Activation *packed, int packedStride, const float *cosines, const float *sines,
  const float *queryNorm, const float *keyNorm, float epsilon, Activation *gradients, long rowCount, float *parts) {
  const int heads = call.headCount + call.keyValueHeadCount;
  const int channel = int(threadIdx.x % headThreads) * 8;
  const long items = rowCount * heads, step = long(gridDim.x) * (256 / headThreads);
  Eight normGradient[2][2] = {};
  for (long begin = long(blockIdx.x) * (256 / headThreads); begin < items; begin += step) {
    const long item = begin + threadIdx.x / headThreads, row = min(item, items - 1) / heads;
    const int head = int(min(item, items - 1) % heads);
    const bool isKey = head >= call.headCount;
    const bool hasQuery = !call.dropsFirstQueries || row >= long(call.sequenceCount) * call.firstCount;
    const bool isValid = item < items && (isKey || hasQuery);
    Activation *at = gradients + row * call.gradientStride + head * headWidth + channel;
    Eight a = {}, b = {};
    if (isValid) {
      a = load8(at);
      b = load8(at + halfWidth);
    }
    const Angles angles = anglesOf(cosines, sines, positionOf(call, row), channel);
    Eight backA, backB;
#pragma unroll
    for (int i = 0; i < 8; i++) {
      backA.x[i] = a.x[i] * angles.cosine.x[i] + b.x[i] * angles.sine.x[i];
      backB.x[i] = b.x[i] * angles.cosine.x[i] - a.x[i] * angles.sine.x[i];
    }
    if (queryNorm) {
      const Activation *from = packed + row * packedStride + head * headWidth + channel;
      Eight x = load8(from), y = load8(from + halfWidth);
      const float factor = inverseOf(x, y, epsilon);
      const float *norm = isKey ? keyNorm : queryNorm;
      const Eight normA = load8(norm + channel), normB = load8(norm + channel + halfWidth);
      float mean = 0;
#pragma unroll
      for (int i = 0; i < 8; i++) {
        x.x[i] *= factor;
        y.x[i] *= factor;
        const float gradientA = backA.x[i] * x.x[i], gradientB = backB.x[i] * y.x[i];
        normGradient[0][0].x[i] += isKey ? 0 : gradientA;
        normGradient[0][1].x[i] += isKey ? 0 : gradientB;
        normGradient[1][0].x[i] += isKey ? gradientA : 0;
        normGradient[1][1].x[i] += isKey ? gradientB : 0;
        mean += gradientA * normA.x[i] + gradientB * normB.x[i];
      }
      mean = headSum(mean) / headWidth;
#pragma unroll
      for (int i = 0; i < 8; i++) {
        backA.x[i] = factor * (backA.x[i] * normA.x[i] - x.x[i] * mean);
        backB.x[i] = factor * (backB.x[i] * normB.x[i] - y.x[i] * mean);
      }
    }
    if (isValid) {
      store8(at, backA);
      store8(at + halfWidth, backB);
    }
  }
  if (!queryNorm) return;
  // Heads of a block in the order of its threads.
  __shared__ float turns[256 / headThreads][headWidth];
  for (int side = 0; side < 2; side++) {
    __syncthreads();
    store8(&turns[threadIdx.x / headThreads][channel], normGradient[side][0]);
    store8(&turns[threadIdx.x / headThreads][channel + halfWidth], normGradient[side][1]);
    __syncthreads();
    if (threadIdx.x < headWidth) {
      float total = 0;
      for (int i = 0; i < 256 / headThreads; i++) total += turns[i][threadIdx.x];
      parts[(long(blockIdx.x) * 2 + side) * headWidth + threadIdx.x] = total;
    }
  }
}
