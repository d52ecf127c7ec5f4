// The levels for what reads or writes bfloat16 values: instructions for pairs of them, and for tiles of such pairs.

#include "Level.hpp"

#if defined(__x86_64__)

#define CK_LEVEL avx512_bf16
#define CK_PAIR_INSTRUCTIONS
#pragma clang attribute push( \
    __attribute__((target("avx512bf16,avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx2,fma,bmi,bmi2"))), \
    apply_to = function)

namespace CK_LEVEL {
/// Accumulators of attention's products that the registers hold, with room for a row of `b` and a broadcast.
constexpr int micro_rows = 8;
constexpr int micro_vectors = 2;
}  // namespace CK_LEVEL

#include "Bodies/All.hpp"

#pragma clang attribute pop

// Tiles are packed as pairs are, and have a product of their own.
#pragma clang attribute push( \
    __attribute__((target( \
        "amx-bf16,amx-tile,avx512bf16,avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx2,fma,bmi,bmi2"))), \
    apply_to = function)
#include "Bodies/BFloat16Tiles.hpp"
#pragma clang attribute pop

namespace amx_bf16 {

constexpr ck_kernels with_tiles(ck_kernels table) {
  table.multiply_packed = CK_LEVEL::multiply_packed_in_tiles;
  return table;
}

extern const ck_kernels kernels = with_tiles(CK_LEVEL::table);

}  // namespace amx_bf16

#endif
