#include "Level.hpp"

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

ck_kernels ck_kernels_at(ck_level level) {
#if defined(__x86_64__)
  switch (level) {
    case CK_AMX_BF16: return amx_bf16::kernels;
    case CK_AVX512_BF16: return avx512_bf16::kernels;
    case CK_AVX512: return avx512::kernels;
    case CK_AVX2: return avx2::kernels;
    case CK_BASELINE: break;
  }
#else
  (void)level;
#endif
  return baseline::kernels;
}

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

int ck_has_pair_products(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  return ck_detected_level() == CK_AVX512 && __builtin_cpu_supports("avx512bf16");
#else
  return 0;
#endif
}

int ck_has_tile_products(void) {
#if defined(__x86_64__) && defined(__linux__)
  constexpr unsigned tileBit = 24, tileBF16Bit = 22;
  constexpr long askForState = 0x1023, tileState = 18;
  unsigned a, b, c, d;
  if (!ck_has_pair_products() || !__get_cpuid_count(7, 0, &a, &b, &c, &d)) return 0;
  if (!(d >> tileBit & 1) || !(d >> tileBF16Bit & 1)) return 0;
  // Tiles make what the system saves of a thread larger, which a process has to ask for: ARCH_REQ_XCOMP_PERM. A system
  // that knows no tiles refuses.
  return syscall(SYS_arch_prctl, askForState, tileState) == 0;
#else
  return 0;
#endif
}
