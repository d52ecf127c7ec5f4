// Gated linear units with SiLU, eight elements a thread; rows of `gateUp` are gates, then ups, `width` each, a multiple
// of 8.
#include "Prelude.cuh"

typedef ACTIVATION Activation;

INLINE float sigmoid(float x) { return 1 / (1 + exp2Fast(-x * log2OfE)); }

extern "C" __global__ void __launch_bounds__(256) swigluForward(
  const Activation *gateUp, Activation *output, int width, long count) {
  const long at = (long(blockIdx.x) * 256 + threadIdx.x) * 8;
  if (at >= count) return;
  const long row = at / width, column = at - row * width, from = row * 2 * width + column;
  Eight gate = load8(gateUp + from);
  const Eight up = load8(gateUp + from + width);
#pragma unroll
  for (int i = 0; i < 8; i++) gate.x[i] *= sigmoid(gate.x[i]) * up.x[i];
  store8(output + at, gate);
}

/// `gateUpGradient` may be the memory of `gateUp`, `output` that of `outputGradient`; `output`, which receives what the
/// forward pass gave, may be null.
extern "C" __global__ void __launch_bounds__(256) swigluBackward(
  const Activation *gateUp, const Activation *outputGradient, Activation *gateUpGradient, Activation *output, int width,
  long count) {
  const long at = (long(blockIdx.x) * 256 + threadIdx.x) * 8;
  if (at >= count) return;
  const long row = at / width, column = at - row * width, from = row * 2 * width + column;
  Eight gate = load8(gateUp + from), up = load8(gateUp + from + width), gradient = load8(outputGradient + at), result;
#pragma unroll
  for (int i = 0; i < 8; i++) {
    const float g = gate.x[i], u = up.x[i], s = sigmoid(g);
    result.x[i] = g * (s * u);
    up.x[i] = gradient.x[i] * g * s;
    gate.x[i] = gradient.x[i] * u * s * (1 + g * (1 - s));
  }
  store8(gateUpGradient + from, gate);
  store8(gateUpGradient + from + width, up);
  if (output) store8(output + at, result);
}
