// Norms, gated units and cross-entropy for rows of any width and address, in float32 or, where ACTIVATION says so, with
// rows of bfloat16 that only products read. Slower than their namesakes, which want widths that are multiples of eight.
#include "Prelude.cuh"

typedef ACTIVATION Activation;

// MARK: Norm, one warp a row

INLINE long warpRow() { return long(blockIdx.x) * 8 + threadIdx.x / 32; }

/// `delta` and `sum` may both be null; else the sum of `x` and `delta` is what is normed.
extern "C" __global__ void __launch_bounds__(256) normForwardPlain(
  const float *x, const float *delta, const float *weight, float epsilon, float *sum, Activation *output,
  float *inverse, long width, long rowCount) {
  const long row = warpRow(), begin = row * width;
  if (row >= rowCount) return;
  const int lane = threadIdx.x % 32;
  float squares = 0;
  for (long column = lane; column < width; column += 32) {
    float value = x[begin + column];
    if (delta) {
      value += delta[begin + column];
      sum[begin + column] = value;
    }
    squares += value * value;
  }
  const float factor = 1 / sqrtf(warpSum(squares) / width + epsilon);
  if (lane == 0) inverse[row] = factor;
  const float *normed = delta ? sum : x;
  for (long column = lane; column < width; column += 32) {
    output[begin + column] = rounded<Activation>(normed[begin + column] * factor * weight[column]);
  }
}

/// `sumGradient` may be null, or the memory of `inputGradient`.
extern "C" __global__ void __launch_bounds__(256) normBackwardPlain(
  const float *x, const float *weight, const float *inverse, const Activation *outputGradient, const float *sumGradient,
  float *inputGradient, long width, long rowCount) {
  const long row = warpRow(), begin = row * width;
  if (row >= rowCount) return;
  const float factor = inverse[row];
  float mean = 0;
  for (long column = threadIdx.x % 32; column < width; column += 32) {
    mean += toFloat(outputGradient[begin + column]) * weight[column] * x[begin + column] * factor;
  }
  mean = warpSum(mean) / width;
  for (long column = threadIdx.x % 32; column < width; column += 32) {
    const float gradient = toFloat(outputGradient[begin + column]) * weight[column];
    const float other = sumGradient ? sumGradient[begin + column] : 0;
    inputGradient[begin + column] = other + factor * (gradient - x[begin + column] * factor * mean);
  }
}

/// The weight's gradient over parts of the rows, to `parts` `[gridDim.y, width]`; a block has 32 columns and eight rows at a
/// time.
extern "C" __global__ void __launch_bounds__(256) normWeightGradient(
  const float *x, const float *inverse, const Activation *outputGradient, float *parts, long width, long rowCount) {
  __shared__ float totals[8][32];
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const long column = long(blockIdx.x) * 32 + lane, step = long(gridDim.y) * 8;
  float total = 0;
  if (column < width) {
    for (long row = long(blockIdx.y) * 8 + warp; row < rowCount; row += step) {
      total += toFloat(outputGradient[row * width + column]) * x[row * width + column] * inverse[row];
    }
  }
  totals[warp][lane] = total;
  __syncthreads();
  if (warp > 0 || column >= width) return;
#pragma unroll
  for (int i = 1; i < 8; i++) total += totals[i][lane];
  parts[blockIdx.y * width + column] = total;
}

// MARK: Gated units, one element a thread

INLINE float sigmoid(float x) { return 1 / (1 + expf(-x)); }

extern "C" __global__ void __launch_bounds__(256) swigluForwardPlain(
  const Activation *gateUp, Activation *output, long width, long count) {
  const long at = long(blockIdx.x) * 256 + threadIdx.x;
  if (at >= count) return;
  const long row = at / width, from = row * 2 * width + at % width;
  const float gate = toFloat(gateUp[from]), up = toFloat(gateUp[from + width]);
  output[at] = rounded<Activation>(gate * (sigmoid(gate) * up));
}

/// `gateUpGradient` may be the memory of `gateUp`, `output` that of `outputGradient`, or null.
extern "C" __global__ void __launch_bounds__(256) swigluBackwardPlain(
  const Activation *gateUp, const Activation *outputGradient, Activation *gateUpGradient, Activation *output,
  long width, long count) {
  const long at = long(blockIdx.x) * 256 + threadIdx.x;
  if (at >= count) return;
  const long row = at / width, from = row * 2 * width + at % width;
  const float gate = toFloat(gateUp[from]), up = toFloat(gateUp[from + width]), gradient = toFloat(outputGradient[at]);
  const float s = sigmoid(gate);
  gateUpGradient[from] = rounded<Activation>(gradient * up * s * (1 + gate * (1 - s)));
  gateUpGradient[from + width] = rounded<Activation>(gradient * gate * s);
  if (output) output[at] = rounded<Activation>(gate * (s * up));
}

// MARK: Cross-entropy, a block a row

/// Losses in nats; a negative target has neither loss nor gradient. With `writesGradient` a row becomes its softmax less one
/// at the target, times `gradientScale`.
extern "C" __global__ void __launch_bounds__(256) crossEntropyPlain(
  Activation *logits, const int *targets, float *losses, int columnCount, int writesGradient, float gradientScale) {
  __shared__ float largestOfWarps[8];
  Activation *row = logits + long(blockIdx.x) * columnCount;
  const int target = targets[blockIdx.x];
  if (target < 0) {
    if (threadIdx.x == 0) losses[blockIdx.x] = 0;
    for (int column = threadIdx.x; writesGradient && column < columnCount; column += 256) {
      row[column] = rounded<Activation>(0);
    }
    return;
  }
  const float targetLogit = toFloat(row[target]);
  float largest = -infinity, sum = 0;
  for (int column = threadIdx.x; column < columnCount; column += 256) largest = fmaxf(largest, toFloat(row[column]));
  largest = warpMax(largest);
  if (threadIdx.x % 32 == 0) largestOfWarps[threadIdx.x / 32] = largest;
  __syncthreads();
  for (int warp = 0; warp < 8; warp++) largest = fmaxf(largest, largestOfWarps[warp]);
  for (int column = threadIdx.x; column < columnCount; column += 256) sum += expf(toFloat(row[column]) - largest);
  sum = blockSum(sum);
  if (threadIdx.x == 0) losses[blockIdx.x] = largest + logf(sum) - targetLogit;
  if (!writesGradient) return;
  for (int column = threadIdx.x; column < columnCount; column += 256) {
    const float weight = expf(toFloat(row[column]) - largest) / sum;
    row[column] = rounded<Activation>((weight - (column == target ? 1.0f : 0.0f)) * gradientScale);
  }
}
