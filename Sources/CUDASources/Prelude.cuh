// What all kernels share. NVRTC has no headers, so nothing here or below includes one of CUDA's.
#pragma once

typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define infinity __int_as_float(0x7f800000)
constexpr float log2OfE = 1.4426950408889634f;
constexpr float ln2 = 0.6931471805599453f;
constexpr u32 allLanes = 0xffffffffu;

#define INLINE __device__ __forceinline__

/// Whether kernels may read and write 16 bytes at a time there.
INLINE bool isAligned16(const void *address) { return u64(address) % 16 == 0; }

// MARK: bfloat16

struct bf16 {
  u16 bits;
};

INLINE float toFloat(bf16 x) { return __uint_as_float(u32(x.bits) << 16); }
INLINE float toFloat(float x) { return x; }

/// Two floats rounded to nearest even, the first one in the lower half.
#ifdef ON_HOST  // Tests run kernels on the processor, which has no such instruction.
INLINE u32 pack(float low, float high) {
  auto half = [](float x) {
    const u32 bits = __float_as_uint(x);
    return x == x ? (bits + 0x7fff + (bits >> 16 & 1)) >> 16 : 0x7fffu;
  };
  return half(low) | half(high) << 16;
}
#else
INLINE u32 pack(float low, float high) {
  u32 both;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(high), "f"(low));
  return both;
}
#endif
INLINE float lowHalf(u32 both) { return __uint_as_float(both << 16); }
INLINE float highHalf(u32 both) { return __uint_as_float(both & 0xffff0000u); }

template <class T>
INLINE T rounded(float x);
template <>
INLINE float rounded<float>(float x) {
  return x;
}
template <>
INLINE bf16 rounded<bf16>(float x) {
  return bf16{u16(pack(x, 0))};
}

// MARK: Eight elements at a time: 16 bytes of bfloat16, 32 of float

struct Eight {
  float x[8];
};

INLINE Eight load8(const float *from) {
  const float4 a = reinterpret_cast<const float4 *>(from)[0], b = reinterpret_cast<const float4 *>(from)[1];
  return {{a.x, a.y, a.z, a.w, b.x, b.y, b.z, b.w}};
}
INLINE Eight load8(const bf16 *from) {
  const uint4 a = *reinterpret_cast<const uint4 *>(from);
  return {{lowHalf(a.x), highHalf(a.x), lowHalf(a.y), highHalf(a.y), lowHalf(a.z), highHalf(a.z), lowHalf(a.w),
           highHalf(a.w)}};
}
INLINE void store8(float *to, const Eight &e) {
  reinterpret_cast<float4 *>(to)[0] = make_float4(e.x[0], e.x[1], e.x[2], e.x[3]);
  reinterpret_cast<float4 *>(to)[1] = make_float4(e.x[4], e.x[5], e.x[6], e.x[7]);
}
INLINE void store8(bf16 *to, const Eight &e) {
  *reinterpret_cast<uint4 *>(to) =
    make_uint4(pack(e.x[0], e.x[1]), pack(e.x[2], e.x[3]), pack(e.x[4], e.x[5]), pack(e.x[6], e.x[7]));
}

// MARK: Sums and maxima in a fixed order

INLINE float warpSum(float x) {
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) x += __shfl_xor_sync(allLanes, x, distance);
  return x;
}
INLINE double warpSum(double x) {
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) x += __shfl_xor_sync(allLanes, x, distance);
  return x;
}
INLINE float warpMax(float x) {
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) x = fmaxf(x, __shfl_xor_sync(allLanes, x, distance));
  return x;
}

/// Sum over a block of up to 1024 threads, given to all of them.
template <class T>
INLINE T blockSum(T x) {
  __shared__ T parts[32];
  const int lane = threadIdx.x % 32, warps = (blockDim.x + 31) / 32;
  x = warpSum(x);
  __syncthreads();
  if (lane == 0) parts[threadIdx.x / 32] = x;
  __syncthreads();
  return warpSum(lane < warps ? parts[lane] : T(0));
}

/// 2 to the power of `x`; 0 for minus infinity.
#ifdef ON_HOST
INLINE float exp2Fast(float x) { return exp2f(x); }
#else
INLINE float exp2Fast(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
#endif
