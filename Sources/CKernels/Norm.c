#include "CKernels.h"

#define CK_BODY "Norm.inc"
#define CK_WITH_PAIRS
#include "InstructionSets.h"

void ck_rms_norm(
    ck_level level, const float *x, const float *delta, const float *weight, float epsilon, float *sum,
    ck_type type, void *output, float *inverse, long rows, long width) {
  CK_DISPATCH(level, rms_norm, x, delta, weight, epsilon, sum, type, output, inverse, rows, width);
}

void ck_rms_norm_backward(
    ck_level level, const float *x, const float *weight, const float *inverse, ck_type type,
    const void *outputGradient, const float *sumGradient, float *inputGradient, float *weightGradient, long rows,
    long width) {
  CK_DISPATCH(
      level, rms_norm_backward, x, weight, inverse, type, outputGradient, sumGradient, inputGradient, weightGradient,
      rows, width);
}
