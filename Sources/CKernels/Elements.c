#include "CKernels.h"

#define CK_BODY "Elements.inc"
#include "InstructionSets.h"

void ck_add(ck_level level, const float *x, float *y, long count) { CK_DISPATCH(level, add, x, y, count); }

void ck_scale(ck_level level, float *x, float factor, long count) { CK_DISPATCH(level, scale, x, factor, count); }

void ck_fill(ck_level level, float *x, float value, long count) { CK_DISPATCH(level, fill, x, value, count); }

void ck_add_rows(ck_level level, const float *x, long rows, long columns, long stride, float *sums) {
  CK_DISPATCH(level, add_rows, x, rows, columns, stride, sums);
}

double ck_sum(ck_level level, const float *x, long count) { CK_DISPATCH(level, sum, x, count); }

double ck_sum_of_squares(ck_level level, const float *x, long count) {
  CK_DISPATCH(level, sum_of_squares, x, count);
}

long ck_index_of_largest(ck_level level, const float *x, long count) {
  CK_DISPATCH(level, index_of_largest, x, count);
}
