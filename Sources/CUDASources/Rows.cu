// Rows gathered and scattered by index: embeddings and their gradients. SOURCE and DESTINATION are the types of rows.
#include "Prelude.cuh"

typedef SOURCE Source;
typedef DESTINATION Destination;

/// `destination[destinationRows[i]] = source[sourceRows[i]]`, a warp a row of `width` elements, a multiple of 8.
extern "C" __global__ void __launch_bounds__(256) copyRows(
  const Source *source, const int *sourceRows, Destination *destination, const int *destinationRows, int width,
  long count) {
  const long i = long(blockIdx.x) * 8 + threadIdx.x / 32;
  if (i >= count) return;
  const Source *from = source + long(sourceRows[i]) * width;
  Destination *to = destination + long(destinationRows[i]) * width;
  for (int column = threadIdx.x % 32 * 8; column < width; column += 256) store8(to + column, load8(from + column));
}

/// Adds rows of `source` to `destination`. Segment `s` is `sourceRows[starts[s] ..< starts[s + 1]]`, all of which go to
/// `destinationRows[s]`; one block each, whose eight warps take the segment's rows in turns and are added in their order.
extern "C" __global__ void __launch_bounds__(256) addRowSegments(
  const Source *source, const int *sourceRows, const int *starts, const int *destinationRows,
  Destination *destination, int width) {
  __shared__ Eight parts[8][32];
  const int begin = starts[blockIdx.x], end = starts[blockIdx.x + 1], warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  Destination *to = destination + long(destinationRows[blockIdx.x]) * width;
  for (int first = 0; first < width; first += 256) {
    const int column = first + lane * 8;
    Eight sum = {};
    if (column < width) {
#pragma unroll 4
      for (int i = begin + warp; i < end; i += 8) {
        const Eight x = load8(source + long(sourceRows[i]) * width + column);
#pragma unroll
        for (int e = 0; e < 8; e++) sum.x[e] += x.x[e];
      }
    }
    parts[warp][lane] = sum;
    __syncthreads();
    if (warp == 0 && column < width) {
      Eight total = load8(to + column);
      for (int w = 0; w < min(8, end - begin); w++) {
#pragma unroll
        for (int e = 0; e < 8; e++) total.x[e] += parts[w][lane].x[e];
      }
      store8(to + column, total);
    }
    __syncthreads();
  }
}
