// All kernels of the level that is being compiled, and the table of them.

#pragma once

#include "AdamW.hpp"
#include "AttentionBackward.hpp"
#include "AttentionForward.hpp"
#include "BFloat16.hpp"
#include "CachedAttention.hpp"
#include "CrossEntropy.hpp"
#include "Elements.hpp"
#include "FewRows.hpp"
#include "Norm.hpp"
#include "SwiGLU.hpp"

namespace CK_LEVEL {

constexpr ck_kernels table = {
    .add = add,
    .scale = scale,
    .fill = fill,
    .add_rows = add_rows,
    .sum = sum,
    .sum_of_squares = sum_of_squares,
    .argmax = argmax,
    .multiply_few_rows = multiply_few_rows,
    .pack_rows = pack_rows,
    .pack_panels = pack_panels,
    .multiply_packed = multiply_packed,
    .rms_norm = rms_norm,
    .rms_norm_backward = rms_norm_backward,
    .swiglu = swiglu,
    .swiglu_backward = swiglu_backward,
    .cross_entropy_gradient = cross_entropy_gradient,
    .cross_entropy = cross_entropy,
    .adamw = adamw,
    .attention_forward = attention_forward,
    .attention_backward = attention_backward,
    .append_to_cache = append_to_cache,
    .attend_to_cache = attend_to_cache,
};

extern const ck_kernels kernels = table;

}  // namespace CK_LEVEL
