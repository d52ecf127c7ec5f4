#include "CKernels.h"

#define CK_BODY "SwiGLU.inc"
#define CK_WITH_PAIRS
#include "InstructionSets.h"

void ck_swiglu(ck_level level, ck_type type, const void *gateUp, void *output, long rows, long width) {
  CK_DISPATCH(level, swiglu, type, gateUp, output, rows, width);
}

void ck_swiglu_backward(
    ck_level level, ck_type type, const void *gateUp, const void *outputGradient, void *gateUpGradient, void *output,
    long rows, long width) {
  CK_DISPATCH(level, swiglu_backward, type, gateUp, outputGradient, gateUpGradient, output, rows, width);
}
