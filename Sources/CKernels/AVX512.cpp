#include "Level.hpp"

#if defined(__x86_64__)

#define CK_LEVEL avx512
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx2,fma,bmi,bmi2"))), apply_to = function)

namespace CK_LEVEL {
/// Accumulators of attention's products that the registers hold, with room for a row of `b` and a broadcast.
constexpr int micro_rows = 8;
constexpr int micro_vectors = 2;
}  // namespace CK_LEVEL

#include "Bodies/All.hpp"

#pragma clang attribute pop

#endif
