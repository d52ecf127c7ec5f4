// CUDA's words for C++ on a processor: a kernel's source is compiled with this in front of it, and run a block after the
// other, each thread of a block on a stack of its own. Threads change places where they wait for each other: there a warp's
// or a block's last one lets the others go on. Tensor cores and copies that do not wait are not there.
#pragma once

#define ON_HOST 1
#define __global__
#define __device__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __shared__ static
#define __align__(bytes) __attribute__((aligned(bytes)))

#define expf __builtin_expf
#define exp2f __builtin_exp2f
#define logf __builtin_logf
#define log2f __builtin_log2f
#define sqrtf __builtin_sqrtf
#define sqrt __builtin_sqrt
#define fabsf __builtin_fabsf
#define fabs __builtin_fabs
#define fmaxf __builtin_fmaxf
#define fmin __builtin_fmin
inline float rsqrtf(float x) { return 1 / sqrtf(x); }

struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(8) uint2 {
  unsigned x, y;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }

inline unsigned __float_as_uint(float x) { return __builtin_bit_cast(unsigned, x); }
inline float __uint_as_float(unsigned x) { return __builtin_bit_cast(float, x); }
inline float __int_as_float(int x) { return __builtin_bit_cast(float, x); }
inline unsigned __umulhi(unsigned a, unsigned b) { return unsigned((unsigned long)a * b >> 32); }
inline int __ffs(int x) { return __builtin_ffs(x); }
template <class T>
inline T min(T a, T b) {
  return b < a ? b : a;
}
template <class T>
inline T max(T a, T b) {
  return a < b ? b : a;
}
inline int atomicAdd(int *to, int x) {
  const int before = *to;
  *to += x;
  return before;
}

namespace host {

struct Index {
  unsigned x, y, z;
};

/// Threads that wait until all of them that are left have come.
struct Barrier {
  int expected = 0, arrived = 0;
  long generation = 1;

  void open() {
    arrived = 0;
    generation += 1;
  }
  void leave() {
    expected -= 1;
    if (expected > 0 && arrived == expected) open();
  }
};

constexpr int mostThreads = 1024;
constexpr unsigned long stackBytes = 64 << 10;

struct Warp {
  Barrier barrier;
  /// What lanes exchange, for a generation of the barrier and the next.
  alignas(16) unsigned char values[2][32][16];
  /// The generation that a value is of: lanes that are done give none.
  long generations[2][32];
};

struct Thread {
  Index index;
  void *stack;
  bool isDone;
};

static Thread threads[mostThreads];
static Warp warps[mostThreads / 32];
static Barrier block;
static unsigned char stacks[mostThreads][stackBytes] __attribute__((aligned(64)));
static int threadCount, current;
static void *schedulerStack;
static Index blockIndex, blockSize, gridSize;
static void (*body)(const void *);
static const void *arguments;

/// Keeps this stack's place and goes on with another.
__attribute__((naked)) static void change(void **, void *) {
  asm("pushq %rbp\n pushq %rbx\n pushq %r12\n pushq %r13\n pushq %r14\n pushq %r15\n"
      "movq %rsp, (%rdi)\n movq %rsi, %rsp\n"
      "popq %r15\n popq %r14\n popq %r13\n popq %r12\n popq %rbx\n popq %rbp\n ret");
}

/// Goes on with the next thread that is not done.
static void yield() {
  const int own = current;
  do {
    current = current + 1 == threadCount ? 0 : current + 1;
  } while (threads[current].isDone);
  if (current != own) change(&threads[own].stack, threads[current].stack);
}

static void wait(Barrier &barrier) {
  const long generation = barrier.generation;
  barrier.arrived += 1;
  if (barrier.arrived == barrier.expected) return barrier.open();
  while (barrier.generation == generation) yield();
}

/// Where each thread begins.
static void begin() {
  body(arguments);
  threads[current].isDone = true;
  Warp &warp = warps[current / 32];
  warp.barrier.leave();
  block.leave();
  for (int i = 0; i < threadCount; i++) {
    if (!threads[i].isDone) yield();
  }
  void *unused;
  change(&unused, schedulerStack);
}

static void runBlock() {
  block = Barrier{threadCount};
  for (int i = 0; i < threadCount; i++) {
    Warp &warp = warps[i / 32];
    if (i % 32 == 0) warp = {};
    warp.barrier.expected += 1;
    // As `change` finds it: six registers, then where to go on, which finds the stack as after a call: 8 below a multiple of 16.
    void **top = (void **)(stacks[i] + stackBytes) - 1;
    *--top = (void *)begin;
    for (int r = 0; r < 6; r++) *--top = nullptr;
    threads[i] = {{unsigned(i), 0, 0}, top, false};
  }
  current = 0;
  change(&schedulerStack, threads[0].stack);
}

static void run(
  void (*kernel)(const void *), const void *given, unsigned x, unsigned y, unsigned z, unsigned count) {
  body = kernel;
  arguments = given;
  gridSize = {x, y, z};
  blockSize = {count, 1, 1};
  threadCount = int(count);
  for (unsigned k = 0; k < z; k++) {
    for (unsigned j = 0; j < y; j++) {
      for (unsigned i = 0; i < x; i++) {
        blockIndex = {i, j, k};
        runBlock();
      }
    }
  }
}

/// What lane `lane` of the warp gives, for each lane its own.
template <class T>
static T exchange(T x, int lane) {
  Warp &warp = warps[current / 32];
  auto &values = warp.values[warp.barrier.generation % 2];
  __builtin_memcpy(values[current % 32], &x, sizeof x);
  wait(warp.barrier);
  __builtin_memcpy(&x, values[lane], sizeof x);
  return x;
}

/// Calls a kernel with parameters that lie one after the other, each at a multiple of its alignment.
template <class... Left>
struct Parameters {
  template <class Kernel, class... Done>
  static void call(Kernel kernel, const char *, unsigned long, Done... done) {
    kernel(done...);
  }
};
template <class First, class... Left>
struct Parameters<First, Left...> {
  template <class Kernel, class... Done>
  static void call(Kernel kernel, const char *bytes, unsigned long offset, Done... done) {
    offset = (offset + alignof(First) - 1) / alignof(First) * alignof(First);
    First value;
    __builtin_memcpy(&value, bytes + offset, sizeof value);
    Parameters<Left...>::call(kernel, bytes, offset + sizeof value, done..., value);
  }
};
template <class... All>
static void call(void (*kernel)(All...), const void *bytes) {
  Parameters<All...>::call(kernel, (const char *)bytes, 0);
}

}  // namespace host

#define threadIdx (host::threads[host::current].index)
#define blockIdx host::blockIndex
#define blockDim host::blockSize
#define gridDim host::gridSize

inline void __syncthreads() { host::wait(host::block); }
inline void __syncwarp() { host::wait(host::warps[host::current / 32].barrier); }
template <class T>
inline T __shfl_xor_sync(unsigned, T x, int mask) {
  return host::exchange(x, (host::current % 32) ^ mask);
}
inline unsigned __ballot_sync(unsigned, int says) {
  host::Warp &warp = host::warps[host::current / 32];
  const long generation = warp.barrier.generation;
  auto &values = warp.values[generation % 2];
  auto &generations = warp.generations[generation % 2];
  __builtin_memcpy(values[host::current % 32], &says, sizeof says);
  generations[host::current % 32] = generation;
  host::wait(warp.barrier);
  unsigned all = 0;
  for (int lane = 0; lane < 32; lane++) {
    int theirs = 0;
    if (generations[lane] == generation) __builtin_memcpy(&theirs, values[lane], sizeof theirs);
    all |= unsigned(theirs != 0) << lane;
  }
  return all;
}
