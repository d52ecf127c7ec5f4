// Compiles one kernel body for each instruction set level of this architecture. A kernel file says
//
//   #include <system headers>
//   #include "CKernels.h"
//   #define CK_BODY "Norm.inc"
//   #include "InstructionSets.h"
//
//   void ck_norm(ck_level level, const float *x, long count) { CK_DISPATCH(level, norm, x, count); }
//
// and the body defines `static void CK_NAME(norm)(const float *x, long count) { … }` with the types and functions of
// Vectors.inc. System headers come first: inside, the level's target attribute would be put on their functions.
//
// Kernels that read or write bfloat16 values say `#define CK_WITH_PAIRS` as well and are compiled once more, with the
// instructions for such values.
//
// Baseline x86-64 has no fused multiply-add and the levels differ in rounding; within a level, the same input gives the
// same bits.

#ifndef CK_BODY
#error "define CK_BODY as the file to compile before including InstructionSets.h"
#endif

#ifndef CK_JOIN
#include <math.h>
#include <stdint.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define CK_PASTE(name, suffix) name##suffix
#define CK_JOIN(name, suffix) CK_PASTE(name, suffix)
/// The name of a function at the level that is being compiled.
#define CK_NAME(name) CK_JOIN(name, CK_SUFFIX)
/// A function that becomes part of its callers, as vectors wider than the baseline's registers must not be passed.
#define CK_INLINE static inline __attribute__((always_inline, unused))
#endif

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wpsabi"
#pragma clang fp contract(fast)

#define CK_SUFFIX _baseline
#include "Vectors.inc"
#include CK_BODY
#undef CK_SUFFIX

#if defined(__x86_64__)

#pragma clang attribute push(__attribute__((target("avx2,fma,bmi,bmi2"))), apply_to = function)
#define CK_SUFFIX _avx2
#include "Vectors.inc"
#include CK_BODY
#undef CK_SUFFIX
#pragma clang attribute pop

#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx2,fma,bmi,bmi2"))), apply_to = function)
#define CK_SUFFIX _avx512
#include "Vectors.inc"
#include CK_BODY
#undef CK_SUFFIX
#pragma clang attribute pop

#ifdef CK_WITH_PAIRS
#pragma clang attribute push( \
    __attribute__((target("avx512bf16,avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx2,fma,bmi,bmi2"))), \
    apply_to = function)
#define CK_SUFFIX _avx512_bf16
#define CK_PAIR_PRODUCTS
#include "Vectors.inc"
#include CK_BODY
#undef CK_PAIR_PRODUCTS
#undef CK_SUFFIX
#pragma clang attribute pop
#define CK_PAIRS(name) CK_JOIN(name, _avx512_bf16)
#else
#define CK_PAIRS(name) CK_JOIN(name, _avx512)
#endif

/// Calls `name` at `level` and returns what it returns.
#define CK_DISPATCH(level, name, ...) \
  switch (level) { \
  case CK_AMX_BF16: \
  case CK_AVX512_BF16: return CK_PAIRS(name)(__VA_ARGS__); \
  case CK_AVX512: return CK_JOIN(name, _avx512)(__VA_ARGS__); \
  case CK_AVX2: return CK_JOIN(name, _avx2)(__VA_ARGS__); \
  default: return CK_JOIN(name, _baseline)(__VA_ARGS__); \
  }

#else

#define CK_DISPATCH(level, name, ...) \
  (void)level; \
  return CK_JOIN(name, _baseline)(__VA_ARGS__)

#endif

#pragma clang diagnostic pop
#undef CK_BODY
