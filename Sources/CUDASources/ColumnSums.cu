// Adds partial sums of blocks, in the order of blocks.
#include "Prelude.cuh"

/// `sums[c] += parts[0][c] + parts[1][c] + …`; a block of 32 by 8 threads takes 32 columns.
extern "C" __global__ void __launch_bounds__(256) addColumnSums(
  const float *parts, int partCount, int columnCount, float *sums) {
  __shared__ float totals[8][32];
  const int lane = threadIdx.x % 32, part = threadIdx.x / 32, column = blockIdx.x * 32 + lane;
  float total = 0;
  if (column < columnCount) {
    for (int i = part; i < partCount; i += 8) total += parts[long(i) * columnCount + column];
  }
  totals[part][lane] = total;
  __syncthreads();
  if (part > 0 || column >= columnCount) return;
#pragma unroll
  for (int i = 1; i < 8; i++) total += totals[i][lane];
  sums[column] += total;
}
