#pragma once

// What the host passes to kernels by value. Compiled by the host's compiler and by CUDA's: nothing here may need a header.

/// A divisor of numbers from 0 to 2^31 - 1: their quotient is the upper half of 2 · number · factor, shifted right.
typedef struct {
  int value;
  unsigned factor;
  int shift;
} Divisor;

/// One attention call. Rows of all sequences lie in two segments, see `AttentionPattern`. Calls of blocks are passed as
/// one sequence whose segments hold the rows of all of them.
typedef struct {
  int sequenceCount;
  /// Rows of one sequence in the first and second segment.
  int firstCount, secondCount;
  /// Staircase: rows of a chunk. Window: its size. Blocks: leading rows of one, then its other rows.
  Divisor size, length;
  int headCount, keyValueHeadCount;
  /// 1 if rows of the first segment have no queries.
  int dropsFirstQueries;
  /// Elements from a row to the next.
  int queryStride, keyStride, valueStride, outputStride;
  /// The same of the gradients of queries, keys and values.
  int gradientStride;
  /// One over the root of the head width.
  float scale;
  /// Rows with queries, of all sequences.
  int queryRowCount;
} AttentionCall;

/// What the heads of a call are turned and normed by: addresses of float32. The norms may both be 0.
typedef struct {
  unsigned long cosines, sines, queryNorm, keyNorm;
  float epsilon;
} HeadTables;

/// A call on a cache: rows are packed `[queries | keys | values]`, a slot of the cache is `[keys | values]`.
typedef struct {
  int headCount, keyValueHeadCount, slotCount;
} CacheCall;

/// What an update's decision reads, see `UpdateDecision` of TensorCore.
typedef struct {
  /// At least 1.
  double targetCount;
  double clipNorm, lossThreshold, beta1, beta2;
} UpdateLimits;

/// The numbers of one AdamW update, see `AdamWStep` of TensorCore; all others are on the device.
typedef struct {
  float rate, beta1, beta2, epsilon, decay;
} UpdateNumbers;
