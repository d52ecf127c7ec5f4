#include "internal.h"

#include <stdlib.h>

int ccuda_compiler_version(int *major, int *minor) { return COMPILER(nvrtcVersion, major, minor); }

/// The compiler's messages.
static int take_log(nvrtc_program *program, char **log) {
  size_t bytes = 0;
  int code = COMPILER(nvrtcGetProgramLogSize, program, &bytes);
  if (code != 0) return code;
  *log = calloc(bytes + 1, 1);
  return *log == NULL ? 0 : COMPILER(nvrtcGetProgramLog, program, *log);
}

static int take_binary(nvrtc_program *program, void **binary, size_t *bytes) {
  int code = COMPILER(nvrtcGetCUBINSize, program, bytes);
  if (code != 0) return code;
  *binary = malloc(*bytes);
  if (*binary == NULL) {
    enum { out_of_memory = 1 };
    return checked_compiler(out_of_memory, "malloc");
  }
  return COMPILER(nvrtcGetCUBIN, program, *binary);
}

int ccuda_compile(
  const char *source, const char *name, int header_count, const char *const *headers,
  const char *const *header_names, int option_count, const char *const *options, void **binary, size_t *bytes,
  char **log) {
  *binary = NULL;
  *log = NULL;
  nvrtc_program *program = NULL;
  int code = COMPILER(nvrtcCreateProgram, &program, source, name, header_count, headers, header_names);
  if (code != 0) return code;
  code = COMPILER(nvrtcCompileProgram, program, option_count, options);
  int log_code = take_log(program, log);
  if (code == 0) code = log_code;
  if (code == 0) code = take_binary(program, binary, bytes);
  int end_code = COMPILER(nvrtcDestroyProgram, &program);
  return code == 0 ? end_code : code;
}
