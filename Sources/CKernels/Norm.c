#include "CKernels.h"

#define CK_BODY "Norm.inc"
#include "InstructionSets.h"

void ck_rms_norm(
    ck_level level, const float *x, const float *delta, const float *weight, float epsilon, float *sum, float *output,
    float *inverse, long rows, long width) {
  CK_DISPATCH(level, rms_norm, x, delta, weight, epsilon, sum, output, inverse, rows, width);
}

void ck_rms_norm_backward(
    ck_level level, const float *x, const float *weight, const float *inverse, const float *outputGradient,
    const float *sumGradient, float *inputGradient, float *weightGradient, long rows, long width) {
  CK_DISPATCH(
      level, rms_norm_backward, x, weight, inverse, outputGradient, sumGradient, inputGradient, weightGradient, rows,
      width);
}
