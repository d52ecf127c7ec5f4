// Adds partial sums of blocks, in the order of blocks.
#include "Prelude.cuh"

/// The sum of column `column` of all parts; a block of 32 by 8 threads has 32 columns, and its first warp has their sums.
INLINE float columnSum(const float *parts, int partCount, int columnCount, int column) {
  __shared__ float totals[8][32];
  const int lane = threadIdx.x % 32, part = threadIdx.x / 32;
  float total = 0;
  if (column < columnCount) {
    for (int i = part; i < partCount; i += 8) total += parts[long(i) * columnCount + column];
  }
  totals[part][lane] = total;
  __syncthreads();
#pragma unroll
  for (int i = 1; i < 8; i++) total += totals[i][lane];
  return total;
}

/// `sums[c] += parts[0][c] + parts[1][c] + …`.
extern "C" __global__ void __launch_bounds__(256) addColumnSums(
  const float *parts, int partCount, int columnCount, float *sums) {
  const int column = blockIdx.x * 32 + threadIdx.x % 32;
  const float total = columnSum(parts, partCount, columnCount, column);
  if (threadIdx.x < 32 && column < columnCount) sums[column] += total;
}

/// The same for parts of two halves of `width` columns, whose sums lie apart.
extern "C" __global__ void __launch_bounds__(256) addColumnPairs(
  const float *parts, int partCount, int width, float *first, float *second) {
  const int column = blockIdx.x * 32 + threadIdx.x % 32;
  const float total = columnSum(parts, partCount, 2 * width, column);
  if (threadIdx.x >= 32 || column >= 2 * width) return;
  if (column < width) {
    first[column] += total;
  } else {
    second[column - width] += total;
  }
}
