// Keys and values of single rows put into a cache, and attention of rows to what a cache holds: generation, in float32. One
// warp a row and head.
#include "Heads.cuh"

constexpr int warps = 4;

/// `CachedRow` of TensorCore.
struct Row {
  /// `slot` is -1 if the cache keeps nothing of the row.
  int sequence, slot, position, visibleCount;
};

INLINE long packedWidth(const CacheCall &call) { return long(call.headCount + 2 * call.keyValueHeadCount) * headWidth; }
INLINE float *slotOf(const CacheCall &call, float *cache, const Row &row, int slot) {
  return cache + (long(row.sequence) * call.slotCount + slot) * 2 * call.keyValueHeadCount * headWidth;
}

extern "C" __global__ void __launch_bounds__(128) appendToCache(
  const CacheCall call, const HeadTables tables, const float *packed, const Row *rows, float *cache, long rowCount) {
  __shared__ float scratch[warps][headWidth];
  const int warp = threadIdx.x / 32;
  const long item = long(blockIdx.x) * warps + warp, index = item / call.keyValueHeadCount;
  if (index >= rowCount) return;
  const Row row = rows[index];
  if (row.slot < 0) return;
  const int head = int(item % call.keyValueHeadCount);
  const float *key = packed + index * packedWidth(call) + (call.headCount + head) * headWidth;
  float *slot = slotOf(call, cache, row, row.slot) + head * headWidth;
  storeChannels(loadHead(key, tables, tables.keyNorm, row.position, scratch[warp]), slot);
  const int valueOffset = call.keyValueHeadCount * headWidth;
  storeChannels(loadChannels(key + valueOffset), slot + valueOffset);
}

/// `queries`: the rows that attend; null for all.
extern "C" __global__ void __launch_bounds__(128) attendToCache(
  const CacheCall call, const HeadTables tables, const float *packed, const Row *rows, const int *queries,
  float *cache, float *output, long queryCount) {
  __shared__ float scratch[warps][headWidth];
  const int warp = threadIdx.x / 32;
  const long item = long(blockIdx.x) * warps + warp, index = item / call.headCount;
  if (index >= queryCount) return;
  const long rowIndex = queries ? queries[index] : index;
  const Row row = rows[rowIndex];
  const int head = int(item % call.headCount), keyHead = head / (call.headCount / call.keyValueHeadCount);
  const Channels query = loadHead(
    packed + rowIndex * packedWidth(call) + head * headWidth, tables, tables.queryNorm, row.position, scratch[warp]);
  const float scale = 1 / sqrtf(float(headWidth));
  float largest = -infinity, sum = 0;
  Channels total = {};
  for (int slot = 0; slot < row.visibleCount; slot++) {
    const float *key = slotOf(call, cache, row, slot) + keyHead * headWidth;
    const float score = dot(query, loadChannels(key)) * scale;
    const float highest = fmaxf(largest, score), correction = expf(largest - highest), weight = expf(score - highest);
    const Channels value = loadChannels(key + call.keyValueHeadCount * headWidth);
    largest = highest;
    sum = sum * correction + weight;
#pragma unroll
    for (int i = 0; i < laneChannels; i++) total.x[i] = total.x[i] * correction + value.x[i] * weight;
  }
#pragma unroll
  for (int i = 0; i < laneChannels; i++) total.x[i] /= sum;
  storeChannels(total, output + index * call.headCount * headWidth + head * headWidth);
}
