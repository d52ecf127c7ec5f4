#include "CKernels.h"

#define CK_BODY "FewRows.inc"
#include "InstructionSets.h"

void ck_multiply_few_rows(
    ck_level level, const float *a, long aStride, long rows, const float *b, long bStride, long columns, long depth,
    float scale, int accumulate, float *c, long cStride) {
  CK_DISPATCH(
      level, multiply_few_rows, a, aStride, rows, b, bStride, columns, depth, scale, accumulate, c, cStride);
}
