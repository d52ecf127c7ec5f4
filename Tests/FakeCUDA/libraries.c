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
int nvrtcCreateProgram(
  void **program, const char *source, const char *name, int header_count, const char *const *headers,
  const char *const *names) {
  (void)source, (void)header_count, (void)headers, (void)names;
  int code = record("nvrtcCreateProgram", name);
  if (code == 0) *program = make(1);
  return code;
}
int nvrtcDestroyProgram(void **program) {
  give_back(*program);
  return record("nvrtcDestroyProgram", NULL);
}
int nvrtcCompileProgram(void *program, int option_count, const char *const *options) {
  (void)program, (void)option_count, (void)options;
  return record("nvrtcCompileProgram", NULL);
}

static const char binary[] = "machine code";
static const char messages[] = "a message\nof two lines";

int nvrtcGetCUBINSize(void *program, size_t *bytes) {
  (void)program;
  *bytes = sizeof binary;
  return record("nvrtcGetCUBINSize", NULL);
}
int nvrtcGetCUBIN(void *program, char *to) {
  (void)program;
  memcpy(to, binary, sizeof binary);
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
int cublasLtMatmulDescCreate(void **description, int compute, int scale) {
  (void)compute, (void)scale;
  return make_one("cublasLtMatmulDescCreate", description);
}
int cublasLtMatmulDescDestroy(void *description) { return give_one("cublasLtMatmulDescDestroy", description); }
int cublasLtMatmulDescSetAttribute(void *description, int attribute, const void *value, size_t bytes) {
  (void)description, (void)attribute, (void)value, (void)bytes;
  return record("cublasLtMatmulDescSetAttribute", NULL);
}
int cublasLtMatrixLayoutCreate(void **layout, int type, uint64_t rows, uint64_t columns, int64_t stride) {
  (void)type, (void)columns;
  enum { invalid_value = 7 };
  // Column-major: a column has to fit into the stride.
  if (stride < (int64_t)rows) return invalid_value;
  return make_one("cublasLtMatrixLayoutCreate", layout);
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
  *count = 1;
  return record("cublasLtMatmulAlgoGetHeuristic", NULL);
}
int cublasLtMatmul(
  void *handle, void *description, const void *scale, const void *a, void *a_layout, const void *b, void *b_layout,
  const void *keep, const void *c, void *c_layout, void *d, void *d_layout, const void *algorithm, void *workspace,
  size_t workspace_bytes, void *stream) {
  (void)handle, (void)description, (void)scale, (void)a, (void)a_layout, (void)b, (void)b_layout, (void)keep, (void)c;
  (void)c_layout, (void)d, (void)d_layout, (void)algorithm, (void)workspace, (void)workspace_bytes, (void)stream;
  return record("cublasLtMatmul", NULL);
}
