// What every processor of the architecture has: SSE2 on x86-64, NEON on arm64.

#include "Level.hpp"

#define CK_LEVEL baseline

namespace CK_LEVEL {
/// Accumulators of attention's products that the registers hold, with room for a row of `b` and a broadcast.
#if defined(__aarch64__)
constexpr int micro_rows = 6;
#else
constexpr int micro_rows = 2;
#endif
constexpr int micro_vectors = 1;
}  // namespace CK_LEVEL

#include "Bodies/All.hpp"
