#include "CKernels.h"

#define CK_BODY "BFloat16.inc"
#define CK_WITH_PAIRS
#include "InstructionSets.h"

#if defined(__x86_64__)

// Tiles are packed as pairs are, and have a product of their own.
#pragma clang attribute push( \
    __attribute__((target( \
        "amx-bf16,amx-tile,avx512bf16,avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx2,fma,bmi,bmi2"))), \
    apply_to = function)
#include "BFloat16Tiles.inc"
#pragma clang attribute pop

int ck_has_pair_products(void) {
  __builtin_cpu_init();
  return ck_detected_level() == CK_AVX512 && __builtin_cpu_supports("avx512bf16");
}

#else

int ck_has_pair_products(void) { return 0; }

#endif

void ck_pack_rows(
    ck_level level, ck_type type, const void *a, long stride, int isTransposed, long rows, long depth, uint32_t *to) {
  CK_DISPATCH(level, pack_rows, type, a, stride, isTransposed, rows, depth, to);
}

void ck_pack_panels(
    ck_level level, ck_type type, const void *b, long stride, int isTransposed, long columns, long depth,
    uint32_t *to) {
  CK_DISPATCH(level, pack_panels, type, b, stride, isTransposed, columns, depth, to);
}

void ck_multiply_packed(
    ck_level level, const uint32_t *a, long aStride, long rows, const uint32_t *b, long columns, long depth,
    float scale, int accumulate, ck_type type, void *c, long cStride) {
#if defined(__x86_64__)
  if (level == CK_AMX_BF16) {
    multiply_packed_amx_bf16(a, aStride, rows, b, columns, depth, scale, accumulate, type, c, cStride);
    return;
  }
#endif
  CK_DISPATCH(level, multiply_packed, a, aStride, rows, b, columns, depth, scale, accumulate, type, c, cStride);
}
