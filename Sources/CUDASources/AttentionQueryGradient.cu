// The gradient of attention with respect to queries, on tensor cores, and what the gradient with respect to keys reads:
// sums of output times its gradient. As in the forward pass a block of threads owns a tile of queries while keys and
// values stream past, so that it alone writes their gradient; it computes the scores again.
//
// GROUPS groups of 16 queries a warp, WARPS warps, tiles of STREAM_ROWS keys, STAGES tiles in flight, BLOCKS blocks a
// multiprocessor.
#include "AttentionCall.cuh"
#include "Tiles.cuh"

constexpr int groups = GROUPS, warps = WARPS, keys = STREAM_ROWS, stages = STAGES;

/// Products of 16 rows that a warp owns with 16 that stream past: scores, and gradients of weights.
struct Pair {
  Accumulator score[2], weightGradient[2];
};

struct QueryGradient {
  static constexpr int rows = warps * groups * 16, threads = warps * 32;
  static constexpr u32 stageBytes = 2 * keys * rowBytes;

  const AttentionCall &call;
  Accumulator gradient[groups][channelTiles];
  Fragment query[groups][channelSteps], outputGradient[groups][channelSteps];
  /// Of each row: log2 of the sum of exponentials, and sum of output times its gradient.
  float logSum[groups][2], delta[groups][2];

  INLINE QueryGradient(const AttentionCall &call) : call(call) {
#pragma unroll
    for (int g = 0; g < groups; g++) {
#pragma unroll
      for (int j = 0; j < channelTiles; j++) gradient[g][j] = {{0, 0, 0, 0}};
    }
  }

  /// One tile of keys, and of values behind them.
  INLINE void add(u32 keyTile, const Visit &visit) {
    const u32 valueTile = keyTile + keys * rowBytes;
    const int column = threadIdx.x % 4 * 2;
    const float factor = call.scale * log2OfE;
#pragma unroll 1
    for (int j = visit.groups.begin; j < visit.groups.end; j++) {
      Pair pair[groups];
#pragma unroll
      for (int g = 0; g < groups; g++) pair[g] = {};
#pragma unroll
      for (int step = 0; step < channelSteps; step++) {
        const Fragment key = rowsAsColumns(keyTile, j * 16, step), value = rowsAsColumns(valueTile, j * 16, step);
#pragma unroll
        for (int g = 0; g < groups; g++) {
          multiply(pair[g].score[0], query[g][step], key.x[0], key.x[1]);
          multiply(pair[g].score[1], query[g][step], key.x[2], key.x[3]);
          multiply(pair[g].weightGradient[0], outputGradient[g][step], value.x[0], value.x[1]);
          multiply(pair[g].weightGradient[1], outputGradient[g][step], value.x[2], value.x[3]);
        }
      }
      Fragment scoreGradient[groups];
#pragma unroll
      for (int g = 0; g < groups; g++) {
#pragma unroll
        for (int tile = 0; tile < 2; tile++) {
#pragma unroll
          for (int e = 0; e < 4; e++) {
            const float weight = exp2Fast(pair[g].score[tile].x[e] * factor - logSum[g][e / 2]);
            pair[g].score[tile].x[e] = weight * (pair[g].weightGradient[tile].x[e] - delta[g][e / 2]);
          }
        }
        if (!visit.isWhole(j)) {
#pragma unroll
          for (int half = 0; half < 2; half++) {
            const Interval seen = visit.keys(call, g * 16 + half * 8 + threadIdx.x % 32 / 4);
#pragma unroll
            for (int e = 0; e < 4; e++) {
              const int key = j * 16 + e / 2 * 8 + column + e % 2;
              if (key < seen.begin || key >= seen.end) pair[g].score[e / 2].x[half * 2 + e % 2] = 0;
            }
          }
        }
        scoreGradient[g] = asLeftOperand(pair[g].score[0], pair[g].score[1]);
      }
#pragma unroll
      for (int step = 0; step < channelSteps; step++) {
        const Fragment key = rowsAsRows(keyTile, j * 16, step);
#pragma unroll
        for (int g = 0; g < groups; g++) {
          multiply(gradient[g][2 * step], scoreGradient[g], key.x[0], key.x[1]);
          multiply(gradient[g][2 * step + 1], scoreGradient[g], key.x[2], key.x[3]);
        }
      }
    }
  }

  /// What the warp's rows from `first` on do with the tile of keys from `keyBegin` on.
  INLINE void visit(const OwnTile &own, int first, int segment, int keyBegin, u32 tile) {
    if (first >= own.end) return;
    const int last = min(first + groups * 16, own.end) - 1;
    const Visit visit(
      own, first, last, segment, keyBegin, keysSeen(call, own.segment, first, segment),
      keysSeen(call, own.segment, last, segment), keys);
    if (visit.isEmpty()) return;
    add(tile, visit);
  }

  /// Sets `delta` of the warp's rows and writes it; lanes 2r and 2r + 1 read row r.
  INLINE void sumDeltas(
    const bf16 *outputs, const bf16 *gradients, int valid, const float *logSumExp, float *deltas) {
    const int lane = threadIdx.x % 32;
#pragma unroll
    for (int g = 0; g < groups; g++) {
      const int row = g * 16 + lane / 2;
      float total = 0;
      if (row < valid) {
        const long at = long(row) * call.outputStride + lane % 2 * (headWidth / 2);
#pragma unroll
        for (int i = 0; i < headWidth / 2; i += 8) {
          const Eight a = load8(outputs + at + i), b = load8(gradients + at + i);
#pragma unroll
          for (int e = 0; e < 8; e++) total += a.x[e] * b.x[e];
        }
      }
      total += __shfl_xor_sync(allLanes, total, 1);
      if (lane % 2 == 0 && row < valid) deltas[row] = total;
#pragma unroll
      for (int half = 0; half < 2; half++) {
        const int own = g * 16 + lane / 4 + half * 8;
        delta[g][half] = __shfl_sync(allLanes, total, (lane / 4 + half * 8) * 2);
        logSum[g][half] = own < valid ? logSumExp[own] * log2OfE : 0;
      }
    }
  }

  INLINE void run(
    const bf16 *queries, const bf16 *keyRows, const bf16 *values, const bf16 *outputs, const float *logSumExp,
    const bf16 *outputGradients, bf16 *queryGradients, float *deltas) {
    extern __shared__ __align__(128) unsigned char memory[];
    const u32 ownTile = sharedAddress(memory), gradientTile = ownTile + rows * rowBytes;
    const u32 stageTiles = gradientTile + rows * rowBytes;
    const OwnTile own = queryTile<rows>(call);
    const int head = blockIdx.y, keyHead = head / (call.headCount / call.keyValueHeadCount);
    keyRows += keyHead * headWidth;
    values += keyHead * headWidth;
    const Stream<keys> stream(
      {keysSeen(call, own.segment, own.begin, 0).begin, keysSeen(call, own.segment, own.end - 1, 0).end},
      {keysSeen(call, own.segment, own.begin, 1).begin, keysSeen(call, own.segment, own.end - 1, 1).end});

    auto copy = [&](int tile) {
      if (tile < stream.tiles) {
        const u32 to = stageTiles + tile % stages * stageBytes;
        const int begin = stream.begin(tile), valid = stream.end(tile) - begin;
        const long row = segmentBegin(call, stream.segment(tile), own.sequence) + begin;
        copyTile<keys, threads>(to, keyRows + row * call.keyStride, call.keyStride, valid);
        copyTile<keys, threads>(to + keys * rowBytes, values + row * call.valueStride, call.valueStride, valid);
      }
      commitCopies();
    };

    const int count = own.end - own.begin, warpRow = threadIdx.x / 32 * groups * 16;
    const long packedRow = segmentBegin(call, own.segment, own.sequence) + own.begin;
    const long queryRow = queryBegin(call, own.segment, own.sequence) + own.begin;
    const long outputAt = queryRow * call.outputStride + head * headWidth;
    copyTile<rows, threads>(
      ownTile, queries + packedRow * call.queryStride + head * headWidth, call.queryStride, count);
    copyTile<rows, threads>(gradientTile, outputGradients + outputAt, call.outputStride, count);
    commitCopies();
#pragma unroll
    for (int i = 0; i < stages - 1; i++) copy(i);
    const long statisticsAt = long(head) * call.queryRowCount + queryRow + warpRow;
    const long warpAt = outputAt + long(warpRow) * call.outputStride;
    sumDeltas(
      outputs + warpAt, outputGradients + warpAt, count - warpRow, logSumExp + statisticsAt, deltas + statisticsAt);
    waitForCopies<stages - 1>();
    __syncthreads();
#pragma unroll
    for (int g = 0; g < groups; g++) {
#pragma unroll
      for (int step = 0; step < channelSteps; step++) {
        query[g][step] = leftOperand(ownTile, warpRow + g * 16, step);
        outputGradient[g][step] = leftOperand(gradientTile, warpRow + g * 16, step);
      }
    }
    for (int tile = 0; tile < stream.tiles; tile++) {
      waitForCopies<stages - 2>();
      __syncthreads();
      copy(tile + stages - 1);
      visit(
        own, own.begin + warpRow, stream.segment(tile), stream.begin(tile), stageTiles + tile % stages * stageBytes);
    }
    waitForCopies<0>();
    const float scale[2] = {call.scale, call.scale};
#pragma unroll
    for (int g = 0; g < groups; g++) {
      const int first = warpRow + g * 16;
      bf16 *to = queryGradients + (packedRow + first) * call.gradientStride + head * headWidth;
      storeRows(gradient[g], scale, ownTile, first, to, call.gradientStride, count - first);
    }
  }
};

extern "C" __global__ void __launch_bounds__(warps * 32, BLOCKS) attentionQueryGradient(
  const AttentionCall call, const bf16 *queries, const bf16 *keyRows, const bf16 *values, const bf16 *outputs,
  const float *logSumExp, const bf16 *outputGradients, bf16 *queryGradients, float *deltas) {
  QueryGradient(call).run(
    queries, keyRows, values, outputs, logSumExp, outputGradients, queryGradients, deltas);
}
