// Query and key heads of HEAD_WIDTH channels: their norm, and the rotary embedding of their first ROTARY_WIDTH channels.
// A warp has a head; channels of a lane are lane, lane + 32, ….
#pragma once
#include "KernelArguments.h"
#include "Prelude.cuh"

constexpr int headWidth = HEAD_WIDTH, rotaryHalf = ROTARY_WIDTH / 2, laneChannels = (headWidth + 31) / 32;

struct Channels {
  float x[laneChannels];
};

INLINE const float *numbersAt(unsigned long address) { return reinterpret_cast<const float *>(address); }

INLINE int channelOf(int index) { return threadIdx.x % 32 + 32 * index; }

template <class Value>
INLINE Channels loadChannels(const Value *row) {
  Channels c;
#pragma unroll
  for (int i = 0; i < laneChannels; i++) c.x[i] = channelOf(i) < headWidth ? toFloat(row[channelOf(i)]) : 0;
  return c;
}

template <class Value>
INLINE void storeChannels(const Channels &c, Value *row) {
#pragma unroll
  for (int i = 0; i < laneChannels; i++) {
    if (channelOf(i) < headWidth) row[channelOf(i)] = rounded<Value>(c.x[i]);
  }
}

INLINE float dot(const Channels &a, const Channels &b) {
  float total = 0;
#pragma unroll
  for (int i = 0; i < laneChannels; i++) total += a.x[i] * b.x[i];
  return warpSum(total);
}

INLINE float inverseRoot(const Channels &c, float epsilon) { return 1 / sqrtf(dot(c, c) / headWidth + epsilon); }

/// Channels times a factor and the weights of a norm.
INLINE void weigh(Channels &c, float factor, const float *norm) {
#pragma unroll
  for (int i = 0; i < laneChannels; i++) {
    if (channelOf(i) < headWidth) c.x[i] *= factor * norm[channelOf(i)];
  }
}

/// Turns pairs of channels by their angles at a position, or back with `direction` -1. `scratch`: a head in shared memory,
/// the warp's own.
INLINE void turn(Channels &c, const HeadTables &tables, int position, float direction, float *scratch) {
  __syncwarp();
  storeChannels(c, scratch);
  __syncwarp();
#pragma unroll
  for (int i = 0; i < laneChannels; i++) {
    const int channel = channelOf(i);
    if (channel >= 2 * rotaryHalf) continue;
    const bool isSecond = channel >= rotaryHalf;
    const int pair = isSecond ? channel - rotaryHalf : channel;
    const float cosine = numbersAt(tables.cosines)[position * rotaryHalf + pair];
    const float sine = direction * numbersAt(tables.sines)[position * rotaryHalf + pair];
    const float other = scratch[isSecond ? pair : pair + rotaryHalf];
    c.x[i] = c.x[i] * cosine + (isSecond ? other : -other) * sine;
  }
}

/// A head as projected, normed and turned.
template <class Value>
INLINE Channels loadHead(
  const Value *row, const HeadTables &tables, unsigned long norm, int position, float *scratch) {
  Channels c = loadChannels(row);
  if (norm) weigh(c, inverseRoot(c, tables.epsilon), numbersAt(norm));
  turn(c, tables, position, 1, scratch);
  return c;
}
