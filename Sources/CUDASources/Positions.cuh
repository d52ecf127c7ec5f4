// Rotary positions of the rows of an attention call.
#pragma once
#include "AttentionCall.cuh"

/// Rotary position of a row of the packed memory.
INLINE int positionOf(const AttentionCall &call, long row) {
  const long leading = long(call.sequenceCount) * call.firstCount;
  if (row < leading) return kind == blocks ? int(row % call.size.value) : 0;
  const int index = int((row - leading) % call.secondCount);
  if (kind == staircase) return 1 + index % call.size.value;
  return kind == blocks ? call.size.value + index % call.length.value : index;
}
