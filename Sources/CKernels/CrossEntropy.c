#include "CKernels.h"

#define CK_BODY "CrossEntropy.inc"
#include "InstructionSets.h"

float ck_cross_entropy_gradient(ck_level level, float *logits, long width, long target, float gradientScale) {
  CK_DISPATCH(level, cross_entropy_gradient, logits, width, target, gradientScale);
}

float ck_cross_entropy(ck_level level, const float *logits, long width, long target) {
  CK_DISPATCH(level, cross_entropy, logits, width, target);
}
