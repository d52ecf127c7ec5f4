// Attention without tensor cores, one warp a row and head, all of it in float32: what parity is checked with.
// HEAD_WIDTH channels, rows of type ACTIVATION.
#include "AttentionCall.cuh"

typedef ACTIVATION Activation;

/// Channels of a lane: lane, lane + 32, ….
constexpr int headWidth = HEAD_WIDTH, laneChannels = (headWidth + 31) / 32;

struct Channels {
  float x[laneChannels];
};

INLINE Channels load(const Activation *row) {
  Channels c;
#pragma unroll
  for (int i = 0; i < laneChannels; i++) {
    const int channel = threadIdx.x % 32 + 32 * i;
    c.x[i] = channel < headWidth ? toFloat(row[channel]) : 0;
  }
  return c;
}
INLINE void store(const Channels &c, float factor, Activation *row) {
#pragma unroll
  for (int i = 0; i < laneChannels; i++) {
    const int channel = threadIdx.x % 32 + 32 * i;
    if (channel < headWidth) row[channel] = rounded<Activation>(c.x[i] * factor);
  }
}
INLINE float dot(const Channels &a, const Channels &b) {
  float total = 0;
#pragma unroll
  for (int i = 0; i < laneChannels; i++) total += a.x[i] * b.x[i];
  return warpSum(total);
}
INLINE void add(Channels &sum, const Channels &x, float factor) {
#pragma unroll
  for (int i = 0; i < laneChannels; i++) sum.x[i] += x.x[i] * factor;
}

/// A row of one segment of one sequence.
struct Place {
  int segment, sequence, row;
};

/// The place of row `index` of those that begin with segment `first`; false if there are no more.
INLINE bool findPlace(const AttentionCall &call, long index, int first, Place &place) {
  const long leading = first == 0 ? long(call.sequenceCount) * call.firstCount : 0;
  const int segment = index >= leading, count = segmentRows(call, segment);
  const long at = segment ? index - leading : index;
  if (at >= long(call.sequenceCount) * count) return false;
  place = {segment, int(at / count), int(at % count)};
  return true;
}

INLINE long warpIndex() { return long(blockIdx.x) * (blockDim.x / 32) + threadIdx.x / 32; }

extern "C" __global__ void __launch_bounds__(128) attentionForwardPlain(
  const AttentionCall call, const Activation *queries, const Activation *keys, const Activation *values,
  Activation *outputs, float *logSumExp) {
  Place own;
  if (!findPlace(call, warpIndex(), call.dropsFirstQueries, own)) return;
  const int head = blockIdx.y, keyHead = head / (call.headCount / call.keyValueHeadCount);
  const long row = queryBegin(call, own.segment, own.sequence) + own.row;
  const Channels query = load(
    queries + (segmentBegin(call, own.segment, own.sequence) + own.row) * call.queryStride + head * headWidth);
  float largest = -infinity, sum = 0;
  Channels output = {};
  for (int segment = 0; segment < 2; segment++) {
    const Interval seen = keysSeen(call, own.segment, own.row, segment);
    const long begin = segmentBegin(call, segment, own.sequence);
    for (int key = seen.begin; key < seen.end; key++) {
      const float score =
        dot(query, load(keys + (begin + key) * call.keyStride + keyHead * headWidth)) * call.scale;
      const float highest = fmaxf(largest, score), correction = expf(largest - highest), weight = expf(score - highest);
      largest = highest;
      sum = sum * correction + weight;
#pragma unroll
      for (int i = 0; i < laneChannels; i++) output.x[i] *= correction;
      add(output, load(values + (begin + key) * call.valueStride + keyHead * headWidth), weight);
    }
  }
  store(output, 1 / sum, outputs + row * call.outputStride + head * headWidth);
  if (threadIdx.x % 32 == 0) logSumExp[long(head) * call.queryRowCount + row] = largest + logf(sum);
}

extern "C" __global__ void __launch_bounds__(128) attentionQueryGradientPlain(
  const AttentionCall call, const Activation *queries, const Activation *keys, const Activation *values,
  const Activation *outputs, const float *logSumExp, const Activation *outputGradients, Activation *queryGradients,
  float *deltas) {
  Place own;
  if (!findPlace(call, warpIndex(), call.dropsFirstQueries, own)) return;
  const int head = blockIdx.y, keyHead = head / (call.headCount / call.keyValueHeadCount);
  const long packedRow = segmentBegin(call, own.segment, own.sequence) + own.row;
  const long row = queryBegin(call, own.segment, own.sequence) + own.row;
  const long outputAt = row * call.outputStride + head * headWidth, statistic = long(head) * call.queryRowCount + row;
  const Channels query = load(queries + packedRow * call.queryStride + head * headWidth);
  const Channels outputGradient = load(outputGradients + outputAt);
  const float delta = dot(load(outputs + outputAt), outputGradient), logSum = logSumExp[statistic];
  Channels gradient = {};
  for (int segment = 0; segment < 2; segment++) {
    const Interval seen = keysSeen(call, own.segment, own.row, segment);
    const long begin = segmentBegin(call, segment, own.sequence);
    for (int i = seen.begin; i < seen.end; i++) {
      const Channels key = load(keys + (begin + i) * call.keyStride + keyHead * headWidth);
      const Channels value = load(values + (begin + i) * call.valueStride + keyHead * headWidth);
      const float weight = expf(dot(query, key) * call.scale - logSum);
      add(gradient, key, weight * (dot(outputGradient, value) - delta));
    }
  }
  store(gradient, call.scale, queryGradients + packedRow * call.gradientStride + head * headWidth);
  if (threadIdx.x % 32 == 0) deltas[statistic] = delta;
}

extern "C" __global__ void __launch_bounds__(128) attentionKeyGradientPlain(
  const AttentionCall call, const Activation *queries, const Activation *keys, const Activation *values,
  const float *logSumExp, const Activation *outputGradients, const float *deltas, Activation *keyGradients,
  Activation *valueGradients) {
  Place own;
  if (!findPlace(call, warpIndex(), 0, own)) return;
  const int keyHead = blockIdx.y, group = call.headCount / call.keyValueHeadCount;
  const long packedRow = segmentBegin(call, own.segment, own.sequence) + own.row;
  const Channels key = load(keys + packedRow * call.keyStride + keyHead * headWidth);
  const Channels value = load(values + packedRow * call.valueStride + keyHead * headWidth);
  Channels keyGradient = {}, valueGradient = {};
  for (int head = keyHead * group; head < (keyHead + 1) * group; head++) {
    for (int segment = 0; segment < 2; segment++) {
      const Interval seen = queriesSeeing(call, own.segment, own.row, segment);
      const long begin = segmentBegin(call, segment, own.sequence);
      const long rowBegin = queryBegin(call, segment, own.sequence);
      for (int i = seen.begin; i < seen.end; i++) {
        const Channels query = load(queries + (begin + i) * call.queryStride + head * headWidth);
        const Channels gradient = load(outputGradients + (rowBegin + i) * call.outputStride + head * headWidth);
        const long statistic = long(head) * call.queryRowCount + rowBegin + i;
        const float weight = expf(dot(query, key) * call.scale - logSumExp[statistic]);
        add(valueGradient, gradient, weight);
        add(keyGradient, query, weight * (dot(gradient, value) - deltas[statistic]));
      }
    }
  }
  store(keyGradient, call.scale, keyGradients + packedRow * call.gradientStride + keyHead * headWidth);
  store(valueGradient, 1, valueGradients + packedRow * call.gradientStride + keyHead * headWidth);
}
