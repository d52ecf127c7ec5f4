// Rows gathered and scattered by index: embeddings and their gradients.
//
// Rows that are added may go to equal places. A stable sort by place brings those together, and a warp adds them up in
// their order: no sum depends on which block comes first. Lists may be null: one row after the other.
#include "Prelude.cuh"

INLINE long entry(const int *rows, long i) { return rows ? rows[i] : i; }

/// `destination[destinationRows[i]] = source[sourceRows[i]]`, rows of `width` units; `lanes` threads a row, a power of two.
template <class Unit>
INLINE void copyUnits(
  const Unit *source, const int *sourceRows, Unit *destination, const int *destinationRows, long width, int lanes,
  long count) {
  const long index = long(blockIdx.x) * 256 + threadIdx.x, i = index / lanes;
  if (i >= count) return;
  const Unit *from = source + entry(sourceRows, i) * width;
  Unit *to = destination + entry(destinationRows, i) * width;
  for (long unit = index % lanes; unit < width; unit += lanes) to[unit] = from[unit];
}

extern "C" __global__ void __launch_bounds__(256) copyRows16(
  const uint4 *source, const int *sourceRows, uint4 *destination, const int *destinationRows, long width, int lanes,
  long count) {
  copyUnits(source, sourceRows, destination, destinationRows, width, lanes, count);
}

extern "C" __global__ void __launch_bounds__(256) copyRows4(
  const u32 *source, const int *sourceRows, u32 *destination, const int *destinationRows, long width, int lanes,
  long count) {
  copyUnits(source, sourceRows, destination, destinationRows, width, lanes, count);
}

extern "C" __global__ void __launch_bounds__(256) copyRows2(
  const u16 *source, const int *sourceRows, u16 *destination, const int *destinationRows, long width, int lanes,
  long count) {
  copyUnits(source, sourceRows, destination, destinationRows, width, lanes, count);
}

/// `destination[i] += source[sourceRows[i]]`, but for row `frozenRow` (-1 for none).
extern "C" __global__ void __launch_bounds__(256) addRows(
  const float *source, const int *sourceRows, float *destination, long width, int lanes, long count, long frozenRow) {
  const long index = long(blockIdx.x) * 256 + threadIdx.x, i = index / lanes;
  if (i >= count || i == frozenRow) return;
  const float *from = source + entry(sourceRows, i) * width;
  float *to = destination + i * width;
  for (long column = index % lanes; column < width; column += lanes) to[column] += from[column];
}

// MARK: Sort, eight bits at a time

/// Keys of a block of 256 threads.
constexpr int blockKeys = 2048;

INLINE int digitOf(int key, int shift) { return key >> shift & 255; }

/// How often each digit is among a block's keys, to `counts` `[256, gridDim.x]`.
extern "C" __global__ void __launch_bounds__(256) countDigits(const int *keys, long count, int shift, int *counts) {
  __shared__ int own[256];
  own[threadIdx.x] = 0;
  __syncthreads();
  const long begin = long(blockIdx.x) * blockKeys;
  // Whole numbers: their sum is the same in any order.
  for (long i = begin + threadIdx.x; i < begin + blockKeys && i < count; i += 256) {
    atomicAdd(&own[digitOf(keys[i], shift)], 1);
  }
  __syncthreads();
  counts[threadIdx.x * gridDim.x + blockIdx.x] = own[threadIdx.x];
}

/// One block: each number becomes the sum of those before it.
extern "C" __global__ void __launch_bounds__(1024) sumBefore(int *numbers, int count) {
  __shared__ int sums[1024];
  const int length = (count + 1023) / 1024, begin = threadIdx.x * length, end = min(begin + length, count);
  int own = 0;
  for (int i = begin; i < end; i++) own += numbers[i];
  sums[threadIdx.x] = own;
  for (int distance = 1; distance < 1024; distance *= 2) {
    __syncthreads();
    const int before = threadIdx.x >= distance ? sums[threadIdx.x - distance] : 0;
    __syncthreads();
    sums[threadIdx.x] += before;
  }
  int before = sums[threadIdx.x] - own;
  for (int i = begin; i < end; i++) {
    const int number = numbers[i];
    numbers[i] = before;
    before += number;
  }
}

/// Puts keys, and the entries that they are of, where `places`, the sums before `counts`, say. A thread has one digit and
/// goes through the block's keys in their order.
extern "C" __global__ void __launch_bounds__(256) placeKeys(
  const int *keys, const int *entries, long count, int shift, const int *places, int *sortedKeys, int *sortedEntries) {
  __shared__ int own[blockKeys];
  const long begin = long(blockIdx.x) * blockKeys;
  const int ownCount = int(min(long(blockKeys), count - begin));
  for (int i = threadIdx.x; i < ownCount; i += 256) own[i] = keys[begin + i];
  __syncthreads();
  int place = places[threadIdx.x * gridDim.x + blockIdx.x];
  for (int i = 0; i < ownCount; i++) {
    if (digitOf(own[i], shift) != threadIdx.x) continue;
    sortedKeys[place] = own[i];
    sortedEntries[place] = int(entry(entries, begin + i));
    place += 1;
  }
}

/// Adds sorted rows to `destination`: the warp whose entry is the first of its key adds all of that key, 32 columns of them.
extern "C" __global__ void __launch_bounds__(256) addSortedRows(
  const float *source, const int *sourceRows, const int *keys, const int *entries, float *destination, long width,
  long count, long frozenRow) {
  const long begin = long(blockIdx.x) * 8 + threadIdx.x / 32, column = long(blockIdx.y) * 32 + threadIdx.x % 32;
  if (begin >= count) return;
  const int key = keys[begin];
  if (key == frozenRow || (begin > 0 && keys[begin - 1] == key)) return;
  long end = begin + 1;
  while (true) {
    const long next = end + threadIdx.x % 32;
    const u32 others = ~__ballot_sync(allLanes, next < count && keys[next] == key);
    if (others) {
      end += __ffs(int(others)) - 1;
      break;
    }
    end += 32;
  }
  if (column >= width) return;
  float *to = destination + long(key) * width + column;
  float total = *to;
#pragma unroll 4
  for (long i = begin; i < end; i++) total += source[entry(sourceRows, entries[i]) * width + column];
  *to = total;
}
