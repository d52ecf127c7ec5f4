// Root-mean-square norms of rows of WIDTH elements, a multiple of 8, one warp a row. The residual stream and its gradient
// are of type RESIDUAL, what is added to the stream of type DELTA, norms and their gradients of type ACTIVATION.
#include "Prelude.cuh"

typedef RESIDUAL Residual;
typedef DELTA Delta;
typedef ACTIVATION Activation;

constexpr int width = WIDTH, vectors = (width + 255) / 256;

/// The column where a lane's vector of eight begins; not below `width` if there is none.
INLINE int columnOf(int vector) { return (vector * 32 + threadIdx.x % 32) * 8; }

/// `delta` and `sum` may both be null; else the sum of `x` and `delta` is what is normed.
extern "C" __global__ void __launch_bounds__(128) normForward(
  const Residual *x, const Delta *delta, const float *weight, float epsilon, Residual *sum, Activation *output,
  float *inverse, long rowCount) {
  const long row = long(blockIdx.x) * 4 + threadIdx.x / 32;
  if (row >= rowCount) return;
  Eight values[vectors];
  float squares = 0;
#pragma unroll
  for (int v = 0; v < vectors; v++) {
    const int column = columnOf(v);
    if (column >= width) continue;
    const long at = row * width + column;
    values[v] = load8(x + at);
    if (delta) {
      const Eight added = load8(delta + at);
#pragma unroll
      for (int i = 0; i < 8; i++) values[v].x[i] = toFloat(rounded<Residual>(values[v].x[i] + added.x[i]));
      store8(sum + at, values[v]);
    }
#pragma unroll
    for (int i = 0; i < 8; i++) squares += values[v].x[i] * values[v].x[i];
  }
  const float factor = rsqrtf(warpSum(squares) / width + epsilon);
  if (threadIdx.x % 32 == 0) inverse[row] = factor;
#pragma unroll
  for (int v = 0; v < vectors; v++) {
    const int column = columnOf(v);
    if (column >= width) continue;
    const Eight weights = load8(weight + column);
#pragma unroll
    for (int i = 0; i < 8; i++) values[v].x[i] *= factor * weights.x[i];
    store8(output + row * width + column, values[v]);
  }
}

/// Blocks go over rows in turns; each writes its part of the weight's gradient to `parts` `[blocks, WIDTH]`.
/// `sumGradient` may be null, or the memory of `inputGradient`.
extern "C" __global__ void __launch_bounds__(256) normBackward(
  const Residual *x, const float *weight, const float *inverse, const Activation *outputGradient,
  const Residual *sumGradient, Residual *inputGradient, float *parts, long rowCount) {
  __shared__ float totals[width];
  Eight weightGradient[vectors] = {};
  for (long row = long(blockIdx.x) * 8 + threadIdx.x / 32; row < rowCount; row += long(gridDim.x) * 8) {
    const float factor = inverse[row];
    Eight normed[vectors], gradient[vectors];
    float mean = 0;
#pragma unroll
    for (int v = 0; v < vectors; v++) {
      const int column = columnOf(v);
      if (column >= width) continue;
      normed[v] = load8(x + row * width + column);
      gradient[v] = load8(outputGradient + row * width + column);
      const Eight weights = load8(weight + column);
#pragma unroll
      for (int i = 0; i < 8; i++) {
        normed[v].x[i] *= factor;
        weightGradient[v].x[i] += gradient[v].x[i] * normed[v].x[i];
        gradient[v].x[i] *= weights.x[i];
        mean += gradient[v].x[i] * normed[v].x[i];
      }
    }
    mean = warpSum(mean) / width;
#pragma unroll
    for (int v = 0; v < vectors; v++) {
      const int column = columnOf(v);
      if (column >= width) continue;
      Eight other = {};
      if (sumGradient) other = load8(sumGradient + row * width + column);
#pragma unroll
      for (int i = 0; i < 8; i++) other.x[i] += factor * (gradient[v].x[i] - normed[v].x[i] * mean);
      store8(inputGradient + row * width + column, other);
    }
  }
  for (int warp = 0; warp < 8; warp++) {
    if (warp == threadIdx.x / 32) {
#pragma unroll
      for (int v = 0; v < vectors; v++) {
        const int column = columnOf(v);
        if (column >= width) continue;
        Eight sum = weightGradient[v];
        if (warp > 0) {
          const Eight before = load8(totals + column);
#pragma unroll
          for (int i = 0; i < 8; i++) sum.x[i] += before.x[i];
        }
        store8(totals + column, sum);
      }
    }
    __syncthreads();
  }
  for (int column = threadIdx.x; column < width; column += 256) parts[long(blockIdx.x) * width + column] = totals[column];
}
