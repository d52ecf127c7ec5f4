#include "CKernels.h"

#if defined(__x86_64__) && defined(__linux__)

#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

int ck_has_tile_products(void) {
  enum { TILE_BIT = 24, TILE_BF16_BIT = 22, ASK_FOR_STATE = 0x1023, TILE_STATE = 18 };
  unsigned int a, b, c, d;
  if (!ck_has_pair_products() || !__get_cpuid_count(7, 0, &a, &b, &c, &d)) return 0;
  if (!(d >> TILE_BIT & 1) || !(d >> TILE_BF16_BIT & 1)) return 0;
  // Tiles make what the system saves of a thread larger, which a process has to ask for: ARCH_REQ_XCOMP_PERM. A system
  // that knows no tiles refuses.
  return syscall(SYS_arch_prctl, ASK_FOR_STATE, TILE_STATE) == 0;
}

#else

int ck_has_tile_products(void) { return 0; }

#endif
