// Numbers to time kernels with: products of zeros run faster than those of data.
#include "Prelude.cuh"

typedef ACTIVATION Activation;

/// `x[i]`: the sum of four uniform numbers that depend on `seed` and `i` alone, about normal, times `scale`.
extern "C" __global__ void __launch_bounds__(256) fillRandom(Activation *x, float scale, u32 seed, long count) {
  const long index = long(blockIdx.x) * 256 + threadIdx.x;
  if (index >= count) return;
  u64 state = (u64(index) + 1) * 0x9E3779B97F4A7C15ull + seed;
  state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9ull;
  state = (state ^ (state >> 27)) * 0x94D049BB133111EBull;
  state ^= state >> 31;
  float total = 0;
#pragma unroll
  for (int i = 0; i < 4; i++) total += float(u32(state >> (16 * i)) & 0xffff) * (1.0f / 65536) - 0.5f;
  x[index] = rounded<Activation>(total * 1.7320508f * scale);
}
