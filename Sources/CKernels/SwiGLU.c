#include "CKernels.h"

#define CK_BODY "SwiGLU.inc"
#include "InstructionSets.h"

void ck_swiglu(ck_level level, const float *gateUp, float *output, long rows, long width) {
  CK_DISPATCH(level, swiglu, gateUp, output, rows, width);
}

void ck_swiglu_backward(
    ck_level level, const float *gateUp, const float *outputGradient, float *gateUpGradient, float *output, long rows,
    long width) {
  CK_DISPATCH(level, swiglu_backward, gateUp, outputGradient, gateUpGradient, output, rows, width);
}
