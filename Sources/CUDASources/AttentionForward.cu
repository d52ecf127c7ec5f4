// Attention on tensor cores. A block of threads owns a tile of queries; tiles of keys and values of the intervals that
// those see stream past in shared memory. A warp leaves out the groups of 16 keys that none of its rows sees.
//
// GROUPS groups of 16 queries a warp, WARPS warps, tiles of STREAM_ROWS keys, STAGES tiles in flight, BLOCKS blocks a
// multiprocessor.
#include "AttentionCall.cuh"
#include "Tiles.cuh"

constexpr int groups = GROUPS, warps = WARPS, keys = STREAM_ROWS, stages = STAGES;

struct Forward {
  static constexpr int rows = warps * groups * 16, threads = warps * 32;
  static constexpr u32 stageBytes = 2 * keys * rowBytes;

  const AttentionCall &call;
  Accumulator output[groups][channelTiles];
  Fragment query[groups][channelSteps];
  float largest[groups][2], sum[groups][2];

  INLINE Forward(const AttentionCall &call) : call(call) {
#pragma unroll
    for (int g = 0; g < groups; g++) {
#pragma unroll
      for (int j = 0; j < channelTiles; j++) output[g][j] = {{0, 0, 0, 0}};
      largest[g][0] = largest[g][1] = -infinity;
      sum[g][0] = sum[g][1] = 0;
    }
  }

  /// Scores of `count` groups of 16 keys from row `key` of a tile on.
  template <int count>
  INLINE void score(Accumulator (&scores)[groups][2 * count], u32 keyTile, int key) {
#pragma unroll
    for (int j = 0; j < count; j++) {
#pragma unroll
      for (int g = 0; g < groups; g++) scores[g][2 * j] = scores[g][2 * j + 1] = {{0, 0, 0, 0}};
#pragma unroll
      for (int step = 0; step < channelSteps; step++) {
        const Fragment right = rowsAsColumns(keyTile, key + j * 16, step);
#pragma unroll
        for (int g = 0; g < groups; g++) {
          multiply(scores[g][2 * j], query[g][step], right.x[0], right.x[1]);
          multiply(scores[g][2 * j + 1], query[g][step], right.x[2], right.x[3]);
        }
      }
    }
  }

  /// Scores to weights, and what was summed before to the same scale; `masked` if rows may have seen nothing so far.
  template <int count, bool masked>
  INLINE void normalise(Accumulator (&scores)[2 * count], int g) {
    const float factor = call.scale * log2OfE;
#pragma unroll
    for (int half = 0; half < 2; half++) {
      float highest = largest[g][half];
#pragma unroll
      for (int j = 0; j < 2 * count; j++) {
        highest = fmaxf(highest, fmaxf(scores[j].x[half * 2], scores[j].x[half * 2 + 1]));
      }
      highest = fmaxf(highest, __shfl_xor_sync(allLanes, highest, 1));
      highest = fmaxf(highest, __shfl_xor_sync(allLanes, highest, 2));
      // A row that has seen nothing yet: all its weights are to be 0, not what minus infinity less itself is.
      const float shift = masked && highest == -infinity ? 0 : highest * factor;
      const float correction = exp2Fast(largest[g][half] * factor - shift);
      largest[g][half] = highest;
      float total = 0;
#pragma unroll
      for (int j = 0; j < 2 * count; j++) {
#pragma unroll
        for (int e = half * 2; e < half * 2 + 2; e++) {
          scores[j].x[e] = exp2Fast(scores[j].x[e] * factor - shift);
          total += scores[j].x[e];
        }
      }
      sum[g][half] = sum[g][half] * correction + total;
#pragma unroll
      for (int j = 0; j < channelTiles; j++) {
        output[g][j].x[half * 2] *= correction;
        output[g][j].x[half * 2 + 1] *= correction;
      }
    }
  }

  /// Adds weights times `count` groups of 16 values from row `key` of a tile on.
  template <int count>
  INLINE void addValues(const Accumulator (&weights)[groups][2 * count], u32 valueTile, int key) {
#pragma unroll
    for (int j = 0; j < count; j++) {
      Fragment left[groups];
#pragma unroll
      for (int g = 0; g < groups; g++) left[g] = asLeftOperand(weights[g][2 * j], weights[g][2 * j + 1]);
#pragma unroll
      for (int step = 0; step < channelSteps; step++) {
        const Fragment right = rowsAsRows(valueTile, key + j * 16, step);
#pragma unroll
        for (int g = 0; g < groups; g++) {
          multiply(output[g][2 * step], left[g], right.x[0], right.x[1]);
          multiply(output[g][2 * step + 1], left[g], right.x[2], right.x[3]);
        }
      }
    }
  }

  /// A tile of keys, with values behind them, all of which all rows of the warp see.
  INLINE void addWhole(u32 tile) {
    Accumulator scores[groups][keys / 8];
    score<keys / 16>(scores, tile, 0);
#pragma unroll
    for (int g = 0; g < groups; g++) normalise<keys / 16, false>(scores[g], g);
    addValues<keys / 16>(scores, tile + keys * rowBytes, 0);
  }

  /// The groups of 16 keys of a tile that rows of the warp see, one after the other.
  INLINE void addGroups(u32 tile, const Visit &visit) {
    const int column = threadIdx.x % 4 * 2;
#pragma unroll 1
    for (int j = visit.groups.begin; j < visit.groups.end; j++) {
      Accumulator scores[groups][2];
      score<1>(scores, tile, j * 16);
      if (!visit.isWhole(j)) {
#pragma unroll
        for (int half = 0; half < 2 * groups; half++) {
          const Interval seen = visit.keys(call, half * 8 + threadIdx.x % 32 / 4);
#pragma unroll
          for (int e = 0; e < 4; e++) {
            const int key = j * 16 + e / 2 * 8 + column + e % 2;
            if (key < seen.begin || key >= seen.end) scores[half / 2][e / 2].x[half % 2 * 2 + e % 2] = -infinity;
          }
        }
      }
#pragma unroll
      for (int g = 0; g < groups; g++) normalise<1, true>(scores[g], g);
      addValues<1>(scores, tile + keys * rowBytes, j * 16);
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
    if (visit.wholeGroups.begin == 0 && visit.wholeGroups.end == keys / 16) {
      addWhole(tile);
    } else {
      addGroups(tile, visit);
    }
  }

  INLINE void run(
    const bf16 *queries, const bf16 *keyRows, const bf16 *values, bf16 *outputs, float *logSumExp) {
    extern __shared__ __align__(128) unsigned char memory[];
    const u32 ownTile = sharedAddress(memory), stageTiles = ownTile + rows * rowBytes;
    const OwnTile own = queryTile<rows>(call);
    const int head = blockIdx.y, keyHead = head / (call.headCount / call.keyValueHeadCount);
    queries += head * headWidth;
    outputs += head * headWidth;
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

    const long ownRow = segmentBegin(call, own.segment, own.sequence) + own.begin;
    copyTile<rows, threads>(ownTile, queries + ownRow * call.queryStride, call.queryStride, own.end - own.begin);
    commitCopies();
#pragma unroll
    for (int i = 0; i < stages - 1; i++) copy(i);
    waitForCopies<stages - 1>();
    __syncthreads();
    const int warpRow = threadIdx.x / 32 * groups * 16;
#pragma unroll
    for (int g = 0; g < groups; g++) {
#pragma unroll
      for (int step = 0; step < channelSteps; step++) {
        query[g][step] = leftOperand(ownTile, warpRow + g * 16, step);
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
    finish(own, warpRow, ownTile, outputs, logSumExp + long(head) * call.queryRowCount);
  }

  INLINE void finish(const OwnTile &own, int warpRow, u32 ownTile, bf16 *outputs, float *logSumExp) {
    const int lane = threadIdx.x % 32;
    const long begin = queryBegin(call, own.segment, own.sequence) + own.begin;
#pragma unroll
    for (int g = 0; g < groups; g++) {
      const int first = warpRow + g * 16, valid = own.end - own.begin - first;
      float scale[2];
#pragma unroll
      for (int half = 0; half < 2; half++) {
        float total = sum[g][half];
        total += __shfl_xor_sync(allLanes, total, 1);
        total += __shfl_xor_sync(allLanes, total, 2);
        scale[half] = 1 / total;
        const int row = lane / 4 + half * 8;
        if (lane % 4 == 0 && row < valid) {
          logSumExp[begin + first + row] = largest[g][half] * call.scale + logf(total);
        }
      }
      storeRows(
        output[g], scale, ownTile, first, outputs + (begin + first) * call.outputStride, call.outputStride, valid);
    }
  }
};

extern "C" __global__ void __launch_bounds__(warps * 32, BLOCKS) attentionForward(
  const AttentionCall call, const bf16 *queries, const bf16 *keyRows, const bf16 *values, bf16 *outputs,
  float *logSumExp) {
  Forward(call).run(queries, keyRows, values, outputs, logSumExp);
}
