// A product for the few shapes that cuBLASLt has no algorithm for: `c = scale · a · b + keep · c` with operands of type
// OPERAND and results of type RESULT, a tile of 16 by 16 a block.
#include "Prelude.cuh"

typedef OPERAND Operand;
typedef RESULT Result;

constexpr int width = 16;

/// Elements from a row of the operand, as it is multiplied, to the next, and from a column to the next.
struct Steps {
  long row, column;
};

extern "C" __global__ void __launch_bounds__(256) multiplyPlain(
  const Operand *a, const Steps aSteps, const Operand *b, const Steps bSteps, Result *c, long cStride, long m, long n,
  long k, float scale, float keep) {
  __shared__ float left[width][width + 1], right[width][width + 1];
  const int x = threadIdx.x % width, y = threadIdx.x / width;
  const long row = long(blockIdx.y) * width + y, column = long(blockIdx.x) * width + x;
  float total = 0;
  for (long begin = 0; begin < k; begin += width) {
    left[y][x] = row < m && begin + x < k ? toFloat(a[row * aSteps.row + (begin + x) * aSteps.column]) : 0;
    right[y][x] = begin + y < k && column < n ? toFloat(b[(begin + y) * bSteps.row + column * bSteps.column]) : 0;
    __syncthreads();
#pragma unroll
    for (int i = 0; i < width; i++) total += left[y][i] * right[i][x];
    __syncthreads();
  }
  if (row >= m || column >= n) return;
  Result *to = c + row * cStride + column;
  *to = rounded<Result>(scale * total + (keep == 0 ? 0 : keep * toFloat(*to)));
}
