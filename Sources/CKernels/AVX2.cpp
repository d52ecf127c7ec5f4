#include "Level.hpp"

#if defined(__x86_64__)

#define CK_LEVEL avx2
#pragma clang attribute push(__attribute__((target("avx2,fma,bmi,bmi2"))), apply_to = function)

namespace CK_LEVEL {
/// Accumulators of attention's products that the registers hold, with room for a row of `b` and a broadcast.
constexpr int micro_rows = 6;
constexpr int micro_vectors = 1;
}  // namespace CK_LEVEL

#include "Bodies/All.hpp"

#pragma clang attribute pop

#endif
