// Norms of query and key heads and their rotary embedding, for heads of any width of which perhaps a part turns, one warp a
// head. Rows of type ACTIVATION.
#include "AttentionCall.cuh"
#include "Heads.cuh"
#include "Positions.cuh"

typedef ACTIVATION Activation;

constexpr int warps = 4;

INLINE bool hasQuery(const AttentionCall &call, long row) {
  return !call.dropsFirstQueries || row >= long(call.sequenceCount) * call.firstCount;
}

/// Query and key heads of `packed` to `rotated`. Query heads of rows without queries are left out.
extern "C" __global__ void __launch_bounds__(128) rotateForwardPlain(
  const AttentionCall call, const HeadTables tables, const Activation *packed, long packedStride, Activation *rotated,
  long rotatedStride, long rowCount) {
  __shared__ float scratch[warps][headWidth];
  const int heads = call.headCount + call.keyValueHeadCount, warp = threadIdx.x / 32;
  const long item = long(blockIdx.x) * warps + warp, row = item / heads;
  const int head = int(item % heads);
  const bool isKey = head >= call.headCount;
  if (row >= rowCount || !(isKey || hasQuery(call, row))) return;
  const Channels turned = loadHead(
    packed + row * packedStride + head * headWidth, tables, isKey ? tables.keyNorm : tables.queryNorm,
    positionOf(call, row), scratch[warp]);
  storeChannels(turned, rotated + row * rotatedStride + head * headWidth);
}

/// The gradient of `rotateForwardPlain` in place of the gradients of rotated heads. With norms, each block writes its part
/// of their gradients to `parts` `[blocks, query norm | key norm]`.
extern "C" __global__ void __launch_bounds__(128) rotateBackwardPlain(
  const AttentionCall call, const HeadTables tables, const Activation *packed, long packedStride,
  Activation *gradients, long rowCount, float *parts) {
  __shared__ float scratch[warps][headWidth], sums[warps][2][headWidth];
  const int heads = call.headCount + call.keyValueHeadCount, warp = threadIdx.x / 32;
  Channels normGradients[2] = {};
  for (long item = long(blockIdx.x) * warps + warp; item < rowCount * heads; item += long(gridDim.x) * warps) {
    const long row = item / heads;
    const int head = int(item % heads);
    const bool isKey = head >= call.headCount;
    if (!(isKey || hasQuery(call, row))) continue;
    Activation *at = gradients + row * call.gradientStride + head * headWidth;
    Channels gradient = loadChannels(at);
    turn(gradient, tables, positionOf(call, row), -1, scratch[warp]);
    if (const auto norm = isKey ? tables.keyNorm : tables.queryNorm) {
      Channels normed = loadChannels(packed + row * packedStride + head * headWidth);
      const float factor = inverseRoot(normed, tables.epsilon);
#pragma unroll
      for (int i = 0; i < laneChannels; i++) {
        normed.x[i] *= factor;
        normGradients[isKey].x[i] += gradient.x[i] * normed.x[i];
      }
      weigh(gradient, 1, numbersAt(norm));
      const float mean = dot(gradient, normed) / headWidth;
#pragma unroll
      for (int i = 0; i < laneChannels; i++) gradient.x[i] = factor * (gradient.x[i] - normed.x[i] * mean);
    }
    storeChannels(gradient, at);
  }
  if (!tables.queryNorm) return;
  storeChannels(normGradients[0], sums[warp][0]);
  storeChannels(normGradients[1], sums[warp][1]);
  __syncthreads();
  for (int i = threadIdx.x; i < 2 * headWidth; i += 128) {
    float total = 0;
    for (int w = 0; w < warps; w++) total += sums[w][i / headWidth][i % headWidth];
    parts[long(blockIdx.x) * 2 * headWidth + i] = total;
  }
}
