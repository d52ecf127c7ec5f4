#include "CUDASources.h"

// `#embed` came with C23; clang has it in the older C that packages are compiled as.
#pragma clang diagnostic ignored "-Wc23-extensions"

// A file's bytes and a final zero. The compiler finds them beside this file and builds anew when one changes.

static const char attention_forward[] = {
#embed "AttentionForward.cu" suffix(, 0)
};
static const char attention_query_gradient[] = {
#embed "AttentionQueryGradient.cu" suffix(, 0)
};
static const char attention_key_gradient[] = {
#embed "AttentionKeyGradient.cu" suffix(, 0)
};
static const char attention_plain[] = {
#embed "AttentionPlain.cu" suffix(, 0)
};
static const char rotation[] = {
#embed "Rotation.cu" suffix(, 0)
};
static const char norm[] = {
#embed "Norm.cu" suffix(, 0)
};
static const char column_sums[] = {
#embed "ColumnSums.cu" suffix(, 0)
};
static const char swiglu[] = {
#embed "SwiGLU.cu" suffix(, 0)
};
static const char cross_entropy[] = {
#embed "CrossEntropy.cu" suffix(, 0)
};
static const char rows[] = {
#embed "Rows.cu" suffix(, 0)
};
static const char update[] = {
#embed "Update.cu" suffix(, 0)
};
static const char random_numbers[] = {
#embed "Random.cu" suffix(, 0)
};
static const char elements[] = {
#embed "Elements.cu" suffix(, 0)
};
static const char sums[] = {
#embed "Sums.cu" suffix(, 0)
};
static const char plain[] = {
#embed "Plain.cu" suffix(, 0)
};
static const char rotation_plain[] = {
#embed "RotationPlain.cu" suffix(, 0)
};
static const char cached_attention[] = {
#embed "CachedAttention.cu" suffix(, 0)
};
static const char product[] = {
#embed "Product.cu" suffix(, 0)
};
static const char heads[] = {
#embed "Heads.cuh" suffix(, 0)
};
static const char positions[] = {
#embed "Positions.cuh" suffix(, 0)
};
static const char prelude[] = {
#embed "Prelude.cuh" suffix(, 0)
};
static const char tiles[] = {
#embed "Tiles.cuh" suffix(, 0)
};
static const char attention_call[] = {
#embed "AttentionCall.cuh" suffix(, 0)
};
static const char kernel_arguments[] = {
#embed "include/KernelArguments.h" suffix(, 0)
};

static const struct {
  const char *name, *text;
} sources[] = {
  {"AttentionForward.cu", attention_forward},
  {"AttentionQueryGradient.cu", attention_query_gradient},
  {"AttentionKeyGradient.cu", attention_key_gradient},
  {"AttentionPlain.cu", attention_plain},
  {"Rotation.cu", rotation},
  {"Norm.cu", norm},
  {"ColumnSums.cu", column_sums},
  {"SwiGLU.cu", swiglu},
  {"CrossEntropy.cu", cross_entropy},
  {"Rows.cu", rows},
  {"Update.cu", update},
  {"Random.cu", random_numbers},
  {"Elements.cu", elements},
  {"Sums.cu", sums},
  {"Plain.cu", plain},
  {"RotationPlain.cu", rotation_plain},
  {"CachedAttention.cu", cached_attention},
  {"Product.cu", product},
  {"Heads.cuh", heads},
  {"Positions.cuh", positions},
  {"Prelude.cuh", prelude},
  {"Tiles.cuh", tiles},
  {"AttentionCall.cuh", attention_call},
  {"KernelArguments.h", kernel_arguments},
};

int cuda_source_count(void) { return (int)(sizeof sources / sizeof sources[0]); }

const char *cuda_source_name(int index) { return sources[index].name; }

const char *cuda_source_text(int index) { return sources[index].text; }
