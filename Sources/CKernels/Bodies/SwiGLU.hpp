// The gated activation of an MLP.

#pragma once

#include "Vectors.hpp"

namespace CK_LEVEL {

CK_INLINE f32x16 sigmoid16(f32x16 x) { return 1.0f / (1.0f + exp16(-x)); }

/// Asks for what the next row has at the same places: the two halves of a row are too short for the processor to see
/// by itself that it goes on there.
CK_INLINE void prefetch_gate_up(ck_type type, const void *gateUp, long gate, long width) {
  __builtin_prefetch(value_at(type, gateUp, gate + 2 * width));
  __builtin_prefetch(value_at(type, gateUp, gate + 3 * width));
}

template <ck_type type>
CK_INLINE void swiglu_of(const void *gateUp, void *output, long rows, long width) {
  for (long row = 0; row < rows; row++) {
    for (long i = 0; i < width; i += 16) {
      const long at = row * 2 * width + i;
      prefetch_gate_up(type, gateUp, at, width);
      const f32x16 gate = load_values16<type>(gateUp, at, width - i);
      const f32x16 up = load_values16<type>(gateUp, at + width, width - i);
      store_values16<type>(output, row * width + i, width - i, gate * sigmoid16(gate) * up);
    }
  }
}

template <ck_type type>
CK_INLINE void swiglu_backward_of(
    const void *gateUp, const void *outputGradient, void *gateUpGradient, void *output, long rows,
    long width) {
  for (long row = 0; row < rows; row++) {
    for (long i = 0; i < width; i += 16) {
      const long at = row * 2 * width + i;
      const long outputAt = row * width + i;
      prefetch_gate_up(type, gateUp, at, width);
      __builtin_prefetch(value_at(type, outputGradient, outputAt + width));
      const f32x16 gate = load_values16<type>(gateUp, at, width - i);
      const f32x16 up = load_values16<type>(gateUp, at + width, width - i);
      const f32x16 gradient = load_values16<type>(outputGradient, outputAt, width - i);
      const f32x16 sigmoid = sigmoid16(gate);
      const f32x16 gateGradient = gradient * up * (sigmoid * (1.0f + gate * (1.0f - sigmoid)));
      const f32x16 upGradient = gradient * (gate * sigmoid);
      // As the forward pass makes it, to the bit.
      if (output) store_values16<type>(output, outputAt, width - i, gate * sigmoid * up);
      store_values16<type>(gateUpGradient, at, width - i, gateGradient);
      store_values16<type>(gateUpGradient, at + width, width - i, upGradient);
    }
  }
}

static void swiglu(ck_type type, const void *gateUp, void *output, long rows, long width) {
  if (type == CK_BFLOAT16) swiglu_of<CK_BFLOAT16>(gateUp, output, rows, width);
  else swiglu_of<CK_FLOAT32>(gateUp, output, rows, width);
}

static void swiglu_backward(
    ck_type type, const void *gateUp, const void *outputGradient, void *gateUpGradient, void *output, long rows,
    long width) {
  if (type == CK_BFLOAT16) {
    swiglu_backward_of<CK_BFLOAT16>(gateUp, outputGradient, gateUpGradient, output, rows, width);
  } else {
    swiglu_backward_of<CK_FLOAT32>(gateUp, outputGradient, gateUpGradient, output, rows, width);
  }
}

}  // namespace CK_LEVEL
