#include "CKernels.h"

ck_level ck_detected_level(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const int hasAVX2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                      __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
  const int hasAVX512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                        __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                        __builtin_cpu_supports("avx512vl");
  return !hasAVX2 ? CK_BASELINE : hasAVX512 ? CK_AVX512 : CK_AVX2;
#else
  return CK_BASELINE;
#endif
}
