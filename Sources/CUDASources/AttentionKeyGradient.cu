// The gradients of attention with respect to keys and values, on tensor cores. A warp owns 16 keys and their values while
// queries and output gradients stream past, those of all query heads that read them, so that it alone writes their
// gradients; it computes the scores again.
//
// WARPS warps, tiles of STREAM_ROWS queries, STAGES tiles in flight, BLOCKS blocks a multiprocessor.
#include "AttentionCall.cuh"
#include "Tiles.cuh"

constexpr int warps = WARPS, queryRows = STREAM_ROWS, stages = STAGES;

/// Products of 16 rows that a warp owns with 16 that stream past: scores, and gradients of weights.
struct Pair {
  Accumulator score[2], weightGradient[2];
};

struct KeyGradient {
  static constexpr int rows = warps * 16, threads = warps * 32;
  static constexpr u32 tileBytes = queryRows * rowBytes, stageBytes = 2 * tileBytes + 2 * queryRows * sizeof(float);
  /// Wide heads leave no registers for the owned rows.
  static constexpr bool keepsOwn = headWidth <= 64;
  static_assert(queryRows <= threads / 2, "a thread copies one statistic of a query at most");

  const AttentionCall &call;
  Accumulator keyGradient[channelTiles], valueGradient[channelTiles];
  Fragment key[keepsOwn ? channelSteps : 1], value[keepsOwn ? channelSteps : 1];

  INLINE KeyGradient(const AttentionCall &call) : call(call) {
#pragma unroll
    for (int j = 0; j < channelTiles; j++) keyGradient[j] = valueGradient[j] = {{0, 0, 0, 0}};
  }

  /// One tile of queries, of their output gradients behind them, and of both's statistics.
  INLINE void add(u32 tile, u32 ownTile, int warpRow, const Visit &visit) {
    const u32 gradientTile = tile + tileBytes, statistics = gradientTile + tileBytes;
    const int column = threadIdx.x % 4 * 2;
    const float factor = call.scale * log2OfE;
#pragma unroll 1
    for (int j = visit.groups.begin; j < visit.groups.end; j++) {
      Pair pair = {};
#pragma unroll
      for (int step = 0; step < channelSteps; step++) {
        const Fragment k = keepsOwn ? key[step] : leftOperand(ownTile, warpRow, step);
        const Fragment v = keepsOwn ? value[step] : leftOperand(ownTile + rows * rowBytes, warpRow, step);
        const Fragment query = rowsAsColumns(tile, j * 16, step);
        const Fragment gradient = rowsAsColumns(gradientTile, j * 16, step);
        multiply(pair.score[0], k, query.x[0], query.x[1]);
        multiply(pair.score[1], k, query.x[2], query.x[3]);
        multiply(pair.weightGradient[0], v, gradient.x[0], gradient.x[1]);
        multiply(pair.weightGradient[1], v, gradient.x[2], gradient.x[3]);
      }
#pragma unroll
      for (int side = 0; side < 2; side++) {
        const int at = j * 16 + side * 8 + column;
        float logSum[2], delta[2];
        const u32 place = statistics + at * sizeof(float);
        asm volatile("ld.shared.v2.f32 {%0, %1}, [%2];" : "=f"(logSum[0]), "=f"(logSum[1]) : "r"(place) : "memory");
        asm volatile("ld.shared.v2.f32 {%0, %1}, [%2];"
                     : "=f"(delta[0]), "=f"(delta[1])
                     : "r"(place + u32(queryRows * sizeof(float)))
                     : "memory");
#pragma unroll
        for (int e = 0; e < 4; e++) {
          const float weight = exp2Fast(pair.score[side].x[e] * factor - logSum[e % 2] * log2OfE);
          pair.score[side].x[e] = weight;
          pair.weightGradient[side].x[e] = weight * (pair.weightGradient[side].x[e] - delta[e % 2]);
        }
      }
      if (!visit.isWhole(j)) {
#pragma unroll
        for (int half = 0; half < 2; half++) {
          const Interval seeing = visit.queries(call, half * 8 + threadIdx.x % 32 / 4);
#pragma unroll
          for (int e = 0; e < 4; e++) {
            const int query = j * 16 + e / 2 * 8 + column + e % 2, at = half * 2 + e % 2;
            if (query < seeing.begin || query >= seeing.end) {
              pair.score[e / 2].x[at] = pair.weightGradient[e / 2].x[at] = 0;
            }
          }
        }
      }
      const Fragment weight = asLeftOperand(pair.score[0], pair.score[1]);
      const Fragment scoreGradient = asLeftOperand(pair.weightGradient[0], pair.weightGradient[1]);
#pragma unroll
      for (int step = 0; step < channelSteps; step++) {
        const Fragment gradient = rowsAsRows(gradientTile, j * 16, step);
        multiply(valueGradient[2 * step], weight, gradient.x[0], gradient.x[1]);
        multiply(valueGradient[2 * step + 1], weight, gradient.x[2], gradient.x[3]);
        const Fragment query = rowsAsRows(tile, j * 16, step);
        multiply(keyGradient[2 * step], scoreGradient, query.x[0], query.x[1]);
        multiply(keyGradient[2 * step + 1], scoreGradient, query.x[2], query.x[3]);
      }
    }
  }

  /// What the warp's keys do with the tile of queries from `queryBegin` on.
  INLINE void visit(const OwnTile &own, int warpRow, int segment, int queryBegin, u32 tile, u32 ownTile) {
    const int first = own.begin + warpRow;
    if (first >= own.end) return;
    const int last = min(first + 16, own.end) - 1;
    const Visit visit(
      own, first, last, segment, queryBegin, queriesSeeing(call, own.segment, first, segment),
      queriesSeeing(call, own.segment, last, segment), queryRows);
    if (!visit.isEmpty()) add(tile, ownTile, warpRow, visit);
  }

  INLINE void run(
    const bf16 *queries, const bf16 *keyRows, const bf16 *values, const float *logSumExp,
    const bf16 *outputGradients, const float *deltas, bf16 *keyGradients, bf16 *valueGradients) {
    extern __shared__ __align__(128) unsigned char memory[];
    const u32 ownTile = sharedAddress(memory), stageTiles = ownTile + 2 * rows * rowBytes;
    const OwnTile own = keyTile<rows>(call);
    const int keyHead = blockIdx.y, group = call.headCount / call.keyValueHeadCount;
    const Stream<queryRows> stream(
      {queriesSeeing(call, own.segment, own.begin, 0).begin, queriesSeeing(call, own.segment, own.end - 1, 0).end},
      {queriesSeeing(call, own.segment, own.begin, 1).begin, queriesSeeing(call, own.segment, own.end - 1, 1).end});

    // All tiles of the first query head of the group, then those of the next.
    const int tiles = group * stream.tiles;
    int copied = 0, copiedTile = 0, copiedHead = keyHead * group;
    auto copyNext = [&]() {
      if (copied < tiles) {
        const u32 to = stageTiles + copied % stages * stageBytes;
        const int segment = stream.segment(copiedTile), begin = stream.begin(copiedTile);
        const int valid = stream.end(copiedTile) - begin;
        const long row = queryBegin(call, segment, own.sequence) + begin;
        const long packedRow = segmentBegin(call, segment, own.sequence) + begin;
        copyTile<queryRows, threads>(
          to, queries + packedRow * call.queryStride + copiedHead * headWidth, call.queryStride, valid);
        copyTile<queryRows, threads>(
          to + tileBytes, outputGradients + row * call.outputStride + copiedHead * headWidth, call.outputStride, valid);
        // The first half of the threads copies one statistic, the other half the other.
        const int i = threadIdx.x % (threads / 2);
        const bool isDelta = threadIdx.x >= threads / 2;
        if (i < queryRows) {
          const long at = long(copiedHead) * call.queryRowCount + row + (i < valid ? i : 0);
          const u32 place = to + 2 * tileBytes + (isDelta * queryRows + i) * u32(sizeof(float));
          copyAsync4(place, (isDelta ? deltas : logSumExp) + at, i < valid);
        }
        copied += 1;
        if (++copiedTile == stream.tiles) {
          copiedTile = 0;
          copiedHead += 1;
        }
      }
      commitCopies();
    };

    const int count = own.end - own.begin, warpRow = threadIdx.x / 32 * 16;
    const long packedRow = segmentBegin(call, own.segment, own.sequence) + own.begin;
    copyTile<rows, threads>(
      ownTile, keyRows + packedRow * call.keyStride + keyHead * headWidth, call.keyStride, count);
    copyTile<rows, threads>(
      ownTile + rows * rowBytes, values + packedRow * call.valueStride + keyHead * headWidth, call.valueStride, count);
    commitCopies();
#pragma unroll
    for (int i = 0; i < stages - 1; i++) copyNext();
    waitForCopies<stages - 1>();
    __syncthreads();
    if (keepsOwn) {
#pragma unroll
      for (int step = 0; step < channelSteps; step++) {
        key[step] = leftOperand(ownTile, warpRow, step);
        value[step] = leftOperand(ownTile + rows * rowBytes, warpRow, step);
      }
    }
    for (int index = 0, tile = 0; index < tiles; index++) {
      waitForCopies<stages - 2>();
      __syncthreads();
      copyNext();
      visit(
        own, warpRow, stream.segment(tile), stream.begin(tile), stageTiles + index % stages * stageBytes, ownTile);
      if (++tile == stream.tiles) tile = 0;
    }
    waitForCopies<0>();
    const long at = (packedRow + warpRow) * call.gradientStride + keyHead * headWidth;
    const float scale[2] = {call.scale, call.scale}, one[2] = {1, 1};
    storeRows(keyGradient, scale, ownTile, warpRow, keyGradients + at, call.gradientStride, count - warpRow);
    storeRows(valueGradient, one, ownTile, warpRow, valueGradients + at, call.gradientStride, count - warpRow);
  }
};

extern "C" __global__ void __launch_bounds__(warps * 32, BLOCKS) attentionKeyGradient(
  const AttentionCall call, const bf16 *queries, const bf16 *keyRows, const bf16 *values, const float *logSumExp,
  const bf16 *outputGradients, const float *deltas, bf16 *keyGradients, bf16 *valueGradients) {
  KeyGradient(call).run(
    queries, keyRows, values, logSumExp, outputGradients, deltas, keyGradients, valueGradients);
}
