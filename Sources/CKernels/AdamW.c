#include "CKernels.h"

#define CK_BODY "AdamW.inc"
#include "InstructionSets.h"

void ck_adamw(
    ck_level level, const ck_adamw_step *step, float *weights, const float *gradients, float *firstMoments,
    float *secondMoments, long count) {
  CK_DISPATCH(level, adamw, step, weights, gradients, firstMoments, secondMoments, count);
}
