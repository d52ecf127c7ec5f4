// What the kernels of all instruction set levels share, and what a level's file needs before it opens its target.
//
// A level is a namespace. Its file, such as AVX2.cpp, names it, tells the compiler which instructions its functions may
// use, and includes Bodies/All.hpp, which defines every kernel once, as code on vectors of 16 floats, and a table of
// pointers to them:
//
//   #include "Level.hpp"
//   #define CK_LEVEL avx2
//   #pragma clang attribute push(__attribute__((target("avx2,fma,bmi,bmi2"))), apply_to = function)
//   #include "Bodies/All.hpp"
//   #pragma clang attribute pop
//
// System headers come first: inside, the level's target attribute would be put on their functions.
//
// Baseline x86-64 has no fused multiply-add and the levels differ in rounding; within a level, the same input gives the
// same bits.

#pragma once

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "CKernels.h"

#pragma clang diagnostic ignored "-Wpsabi"
#pragma clang fp contract(fast)

/// A function that becomes part of its callers, as vectors wider than the baseline's registers must not be passed.
#define CK_INLINE static inline __attribute__((always_inline, unused))
/// A loop whose number of turns the compiler knows, written out, so that the arrays that it indexes are registers.
#define CK_UNROLLED _Pragma("clang loop unroll(full)")

typedef float f32x16 __attribute__((ext_vector_type(16)));
typedef int32_t i32x16 __attribute__((ext_vector_type(16)));
typedef uint16_t u16x16 __attribute__((ext_vector_type(16)));
typedef float f32x8 __attribute__((ext_vector_type(8)));
typedef float f32x4 __attribute__((ext_vector_type(4)));
typedef float f32x2 __attribute__((ext_vector_type(2)));
typedef double f64x8 __attribute__((ext_vector_type(8)));

// The tables of the levels; each is defined in the level's file.
namespace baseline { extern const ck_kernels kernels; }
#if defined(__x86_64__)
namespace avx2 { extern const ck_kernels kernels; }
namespace avx512 { extern const ck_kernels kernels; }
namespace avx512_bf16 { extern const ck_kernels kernels; }
namespace amx_bf16 { extern const ck_kernels kernels; }
#endif
