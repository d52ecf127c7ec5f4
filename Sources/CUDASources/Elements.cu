// Kernels that go over elements: values set, added, scaled and rounded, biases, interpolated columns.
#include "Prelude.cuh"

/// Where a thread's four elements begin.
INLINE long fourth() { return (long(blockIdx.x) * 256 + threadIdx.x) * 4; }

extern "C" __global__ void __launch_bounds__(256) fill(float *x, float value, long count) {
  const long at = fourth();
  for (long i = at; i < at + 4 && i < count; i++) x[i] = value;
}

extern "C" __global__ void __launch_bounds__(256) fillDoubles(double *x, float value, long count) {
  const long at = fourth();
  for (long i = at; i < at + 4 && i < count; i++) x[i] = value;
}

/// `y += x`.
extern "C" __global__ void __launch_bounds__(256) add(const float *x, float *y, long count) {
  const long at = fourth();
  if (at + 4 <= count && isAligned16(x) && isAligned16(y)) {
    const float4 a = *reinterpret_cast<const float4 *>(x + at), b = *reinterpret_cast<const float4 *>(y + at);
    *reinterpret_cast<float4 *>(y + at) = make_float4(b.x + a.x, b.y + a.y, b.z + a.z, b.w + a.w);
  } else {
    for (long i = at; i < at + 4 && i < count; i++) y[i] += x[i];
  }
}

extern "C" __global__ void __launch_bounds__(256) addDoubles(const double *x, double *y, long count) {
  const long at = fourth();
  for (long i = at; i < at + 4 && i < count; i++) y[i] += x[i];
}

extern "C" __global__ void __launch_bounds__(256) scale(float *x, float factor, long count) {
  const long at = fourth();
  for (long i = at; i < at + 4 && i < count; i++) x[i] *= factor;
}

/// Rows of `columnCount` floats, `stride` apart, rounded to rows that are `roundedStride` apart; eight elements a thread.
extern "C" __global__ void __launch_bounds__(256) roundRows(
  const float *x, long stride, bf16 *to, long roundedStride, long columnCount, long rowCount) {
  const long eights = (columnCount + 7) / 8, index = long(blockIdx.x) * 256 + threadIdx.x;
  const long row = index / eights, column = index % eights * 8;
  if (row >= rowCount) return;
  const float *from = x + row * stride + column;
  bf16 *rounding = to + row * roundedStride + column;
  if (column + 8 <= columnCount && isAligned16(from) && isAligned16(rounding)) {
    store8(rounding, load8(from));
  } else {
    for (long i = 0; i < 8 && column + i < columnCount; i++) rounding[i] = rounded<bf16>(from[i]);
  }
}

/// `y[row] += bias`, rows `stride` apart.
extern "C" __global__ void __launch_bounds__(256) addBias(
  const float *bias, float *y, long stride, long columnCount, long rowCount) {
  const long index = long(blockIdx.x) * 256 + threadIdx.x, row = index / columnCount, column = index % columnCount;
  if (row < rowCount) y[row * stride + column] += bias[column];
}

// MARK: Interpolated columns

/// A place between two of `width` columns: `fraction` of the way from `lower` to the next one, which there is unless
/// `width` is 1.
struct Between {
  int lower;
  float fraction;
};

/// Where column `index` of `count` lies among `width` ones. In double precision: with tens of thousands of columns a float
/// has too few bits for the fraction.
INLINE Between placeOf(int index, int width, int count) {
  const double place = (index + 0.5) * width / count - 0.5, position = place < 0 ? 0 : place;
  const int below = max(0, min(int(position), width - 2));
  return {below, width == 1 ? 0.0f : float(min(1.0, position - below))};
}

/// Rows of `x` `[rowCount, width]` to rows of `y` `[rowCount, count]`.
extern "C" __global__ void __launch_bounds__(256) resample(
  const float *x, int width, float *y, int count, long rowCount) {
  const long index = long(blockIdx.x) * 256 + threadIdx.x, row = index / count;
  if (row >= rowCount) return;
  const Between place = placeOf(int(index % count), width, count);
  const float *from = x + row * width + place.lower;
  y[index] = (1 - place.fraction) * from[0] + place.fraction * from[width > 1];
}

/// Adds to `gradient` `[rowCount, width]` what `outputGradient` `[rowCount, count]` gives; a thread owns a column, and looks
/// through the columns that may lie beside it.
extern "C" __global__ void __launch_bounds__(256) resampleBackward(
  const float *outputGradient, int count, float *gradient, int width, long rowCount) {
  const long index = long(blockIdx.x) * 256 + threadIdx.x, row = index / width;
  if (row >= rowCount) return;
  const int column = int(index % width);
  const double ratio = double(count) / width;
  const int first = int(max(0.0, (column - 0.5) * ratio - 1.5)), last = int(min(count - 1.0, (column + 1.5) * ratio + 1.5));
  float total = gradient[index];
  for (int i = first; i <= last; i++) {
    const Between place = placeOf(i, width, count);
    const float value = outputGradient[row * count + i], upper = place.fraction * value;
    if (place.lower == column) total += value - upper;
    if (width > 1 && place.lower + 1 == column) total += upper;
  }
  gradient[index] = total;
}
