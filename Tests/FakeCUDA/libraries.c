#include "host.h"
#include "record.h"

#include <stdlib.h>
#include <string.h>

// MARK: The compiler

int nvrtcVersion(int *major, int *minor) {
  *major = 13;
  *minor = 0;
  return record("nvrtcVersion", NULL);
}
const char *nvrtcGetErrorString(int code) {
  (void)code;
  return "a fake failure";
}
/// What is compiled for the processor, where kernels compute.
struct program {
  struct host_program *host;
};

int nvrtcCreateProgram(
  void **program, const char *source, const char *name, int header_count, const char *const *headers,
  const char *const *names) {
  int code = record("nvrtcCreateProgram", name);
  if (code != 0) return code;
  struct program *made = make(sizeof *made);
  if (host_computes()) made->host = host_program_create(source, name, header_count, headers, names);
  *program = made;
  return 0;
}
int nvrtcDestroyProgram(void **program) {
  struct program *made = *program;
  if (made->host != NULL) host_program_destroy(made->host);
  give_back(made);
  return record("nvrtcDestroyProgram", NULL);
}
int nvrtcCompileProgram(void *program, int option_count, const char *const *options) {
  struct program *made = program;
  int code = record("nvrtcCompileProgram", NULL);
  enum { compilation_failed = 6 };
  if (code == 0 && made->host != NULL && host_program_compile(made->host, option_count, options) != 0) {
    code = compilation_failed;
  }
  return code;
}

static const char binary[] = "machine code";
static const char messages[] = "a message\nof two lines";

int nvrtcGetCUBINSize(void *program, size_t *bytes) {
  const struct program *made = program;
  *bytes = sizeof binary;
  if (made->host != NULL) host_program_binary(made->host, bytes);
  return record("nvrtcGetCUBINSize", NULL);
}
int nvrtcGetCUBIN(void *program, char *to) {
  const struct program *made = program;
  size_t bytes = sizeof binary;
  const void *from = made->host == NULL ? binary : host_program_binary(made->host, &bytes);
  memcpy(to, from, bytes);
  return record("nvrtcGetCUBIN", NULL);
}
int nvrtcGetProgramLogSize(void *program, size_t *bytes) {
  (void)program;
  *bytes = sizeof messages;
  return record("nvrtcGetProgramLogSize", NULL);
}
int nvrtcGetProgramLog(void *program, char *to) {
  (void)program;
  memcpy(to, messages, sizeof messages);
  return record("nvrtcGetProgramLog", NULL);
}

// MARK: Matrix products

const char *cublasLtGetStatusString(int code) {
  (void)code;
  return "a fake failure";
}

static int make_one(const char *call, void **made) {
  int code = record(call, NULL);
  if (code == 0) *made = make(1);
  return code;
}

static int give_one(const char *call, void *made) {
  give_back(made);
  return record(call, NULL);
}

int cublasLtCreate(void **handle) { return make_one("cublasLtCreate", handle); }
int cublasLtDestroy(void *handle) { return give_one("cublasLtDestroy", handle); }
/// Whether the operands are transposed.
struct description {
  int transposes_a, transposes_b;
};
/// Column-major.
struct layout {
  int type;
  uint64_t rows, columns;
  int64_t stride;
};

int cublasLtMatmulDescCreate(void **description, int compute, int scale) {
  (void)compute, (void)scale;
  int code = record("cublasLtMatmulDescCreate", NULL);
  if (code == 0) *description = make(sizeof(struct description));
  return code;
}
int cublasLtMatmulDescDestroy(void *description) { return give_one("cublasLtMatmulDescDestroy", description); }
int cublasLtMatmulDescSetAttribute(void *description, int attribute, const void *value, size_t bytes) {
  (void)bytes;
  struct description *described = description;
  if (attribute == 3) described->transposes_a = *(const int *)value;
  if (attribute == 4) described->transposes_b = *(const int *)value;
  return record("cublasLtMatmulDescSetAttribute", NULL);
}
int cublasLtMatrixLayoutCreate(void **layout, int type, uint64_t rows, uint64_t columns, int64_t stride) {
  enum { invalid_value = 7 };
  // Column-major: a column has to fit into the stride.
  if (stride < (int64_t)rows) return invalid_value;
  int code = record("cublasLtMatrixLayoutCreate", NULL);
  if (code != 0) return code;
  struct layout *made = make(sizeof *made);
  *made = (struct layout){type, rows, columns, stride};
  *layout = made;
  return 0;
}
int cublasLtMatrixLayoutDestroy(void *layout) { return give_one("cublasLtMatrixLayoutDestroy", layout); }
int cublasLtMatmulPreferenceCreate(void **preference) {
  return make_one("cublasLtMatmulPreferenceCreate", preference);
}
int cublasLtMatmulPreferenceDestroy(void *preference) {
  return give_one("cublasLtMatmulPreferenceDestroy", preference);
}
int cublasLtMatmulPreferenceSetAttribute(void *preference, int attribute, const void *value, size_t bytes) {
  (void)preference, (void)attribute, (void)value, (void)bytes;
  return record("cublasLtMatmulPreferenceSetAttribute", NULL);
}
int cublasLtMatmulAlgoGetHeuristic(
  void *handle, void *description, void *a, void *b, void *c, void *d, void *preference, int wanted, void *choices,
  int *count) {
  (void)handle, (void)description, (void)a, (void)b, (void)c, (void)d, (void)preference, (void)wanted, (void)choices;
  // Some shapes have no algorithm: whoever asks has to have one.
  *count = getenv("FAKE_CUDA_NO_PRODUCTS") == NULL;
  return record("cublasLtMatmulAlgoGetHeuristic", NULL);
}
static float value_at(const void *from, const struct layout *layout, uint64_t row, uint64_t column) {
  const uint64_t at = column * (uint64_t)layout->stride + row;
  if (layout->type == 0) return ((const float *)from)[at];
  const uint32_t bits = (uint32_t)((const uint16_t *)from)[at] << 16;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static void set_value(void *to, const struct layout *layout, uint64_t row, uint64_t column, float value) {
  const uint64_t at = column * (uint64_t)layout->stride + row;
  if (layout->type == 0) {
    ((float *)to)[at] = value;
    return;
  }
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  ((uint16_t *)to)[at] = (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static void multiply(
  const struct description *description, float scale, const void *a, const struct layout *a_layout, const void *b,
  const struct layout *b_layout, float keep, void *c, const struct layout *c_layout) {
  const int a_flips = description->transposes_a, b_flips = description->transposes_b;
  const uint64_t depth = a_flips ? a_layout->rows : a_layout->columns;
  for (uint64_t column = 0; column < c_layout->columns; column++) {
    for (uint64_t row = 0; row < c_layout->rows; row++) {
      float sum = 0;
      for (uint64_t i = 0; i < depth; i++) {
        sum += value_at(a, a_layout, a_flips ? i : row, a_flips ? row : i) *
               value_at(b, b_layout, b_flips ? column : i, b_flips ? i : column);
      }
      const float before = keep == 0 ? 0 : keep * value_at(c, c_layout, row, column);
      set_value(c, c_layout, row, column, scale * sum + before);
    }
  }
}

int cublasLtMatmul(
  void *handle, void *description, const void *scale, const void *a, void *a_layout, const void *b, void *b_layout,
  const void *keep, const void *c, void *c_layout, void *d, void *d_layout, const void *algorithm, void *workspace,
  size_t workspace_bytes, void *stream) {
  (void)handle, (void)c, (void)c_layout, (void)algorithm, (void)workspace, (void)workspace_bytes, (void)stream;
  int code = record("cublasLtMatmul", NULL);
  if (code != 0 || !host_computes()) return code;
  multiply(description, *(const float *)scale, a, a_layout, b, b_layout, *(const float *)keep, d, d_layout);
  return 0;
}
