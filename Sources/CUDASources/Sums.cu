// Sums over elements, rows and columns, in orders that depend on sizes alone; the largest column of rows.
#include "Prelude.cuh"

/// Sums of `gridDim.x` parts of `x`, or of its squares; block `b` takes every `gridDim.x`-th group of 256 times 8 elements.
template <bool squares>
INLINE void sumParts(const float *x, long count, double *parts) {
  double total = 0;
  const bool isAligned = isAligned16(x);
  for (long at = (long(blockIdx.x) * 256 + threadIdx.x) * 8; at < count; at += long(gridDim.x) * 256 * 8) {
    if (isAligned && at + 8 <= count) {
      const Eight e = load8(x + at);
#pragma unroll
      for (int i = 0; i < 8; i++) total += squares ? double(e.x[i]) * e.x[i] : double(e.x[i]);
    } else {
      for (long i = at; i < at + 8 && i < count; i++) total += squares ? double(x[i]) * x[i] : double(x[i]);
    }
  }
  total = blockSum(total);
  if (threadIdx.x == 0) parts[blockIdx.x] = total;
}

extern "C" __global__ void __launch_bounds__(256) sumOfElements(const float *x, long count, double *parts) {
  sumParts<false>(x, count, parts);
}

extern "C" __global__ void __launch_bounds__(256) sumOfSquares(const float *x, long count, double *parts) {
  sumParts<true>(x, count, parts);
}

/// One block: `total += parts[0] + parts[1] + …`.
extern "C" __global__ void __launch_bounds__(256) addParts(const double *parts, int partCount, double *total) {
  double sum = 0;
  for (int i = threadIdx.x; i < partCount; i += 256) sum += parts[i];
  sum = blockSum(sum);
  if (threadIdx.x == 0) *total += sum;
}

/// One block: adds the number of places at which two lists agree.
extern "C" __global__ void __launch_bounds__(256) countMatches(const int *x, const int *y, long count, double *total) {
  double found = 0;
  for (long i = threadIdx.x; i < count; i += 256) found += x[i] == y[i];
  found = blockSum(found);
  if (threadIdx.x == 0) *total += found;
}

/// Sums of columns over parts of the rows, to `parts` `[gridDim.y, columnCount]`; a block has 32 columns and eight rows at
/// a time.
extern "C" __global__ void __launch_bounds__(256) sumColumns(
  const float *x, long stride, long columnCount, long rowCount, float *parts) {
  __shared__ float totals[8][32];
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const long column = long(blockIdx.x) * 32 + lane, step = long(gridDim.y) * 8;
  float total = 0;
  if (column < columnCount) {
    for (long row = long(blockIdx.y) * 8 + warp; row < rowCount; row += step) total += x[row * stride + column];
  }
  totals[warp][lane] = total;
  __syncthreads();
  if (warp > 0 || column >= columnCount) return;
#pragma unroll
  for (int i = 1; i < 8; i++) total += totals[i][lane];
  parts[blockIdx.y * columnCount + column] = total;
}

/// Column of the largest element of each row, the first of equals, a block a row; -1 if one of them is not finite.
extern "C" __global__ void __launch_bounds__(256) largestColumn(const float *x, int columnCount, int *columns) {
  __shared__ float values[256];
  __shared__ int places[256], finite[256];
  const float *row = x + long(blockIdx.x) * columnCount;
  float largest = -infinity;
  int place = columnCount, isFinite = 1;
  for (int column = threadIdx.x; column < columnCount; column += 256) {
    const float value = row[column];
    isFinite &= fabsf(value) < infinity;
    if (value > largest) {
      largest = value;
      place = column;
    }
  }
  values[threadIdx.x] = largest;
  places[threadIdx.x] = place;
  finite[threadIdx.x] = isFinite;
  for (int half = 128; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.x >= half) continue;
    const int other = threadIdx.x + half;
    finite[threadIdx.x] &= finite[other];
    const float mine = values[threadIdx.x], theirs = values[other];
    if (theirs > mine || (theirs == mine && places[other] < places[threadIdx.x])) {
      values[threadIdx.x] = theirs;
      places[threadIdx.x] = places[other];
    }
  }
  if (threadIdx.x == 0) columns[blockIdx.x] = finite[0] ? places[0] : -1;
}
