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

/// The numbers of one AdamW update, see `AdamWStep` of TensorCore; the factor of gradients is on the device.
typedef struct {
  float rate, beta1, beta2, epsilon, decay, correction1, correction2;
} UpdateNumbers;

/// What an update reads on the device.
typedef struct {
  /// Multiplies every gradient.
  float factor;
  /// Not 0: weights and moments stay as they are.
  int skips;
  /// Of the gradients, scaled but not clipped.
  double norm;
} UpdateControl;
