#include "internal.h"

#include <stdlib.h>

static _Thread_local const char *failed_call = "MPI";

int checked(int code, const char *call) {
  if (code != MPI_SUCCESS) failed_call = call;
  return code;
}

const char *cmpi_failed_call(void) { return failed_call; }

int cmpi_text_capacity(void) { return MPI_MAX_ERROR_STRING + 1; }

int cmpi_error_text(int code, char *text) {
  int length = 0;
  int result = MPI_Error_string(code, text, &length);
  if (result == MPI_SUCCESS) text[length] = 0;
  return result;
}

MPI_Datatype datatype(cmpi_type type) {
  switch (type) {
    case cmpi_u8: return MPI_BYTE;
    case cmpi_u16: return MPI_UINT16_T;
    case cmpi_f32: return MPI_FLOAT;
    case cmpi_f64: return MPI_DOUBLE;
    case cmpi_i64: return MPI_INT64_T;
  }
  return MPI_DATATYPE_NULL;
}

size_t width(cmpi_type type) {
  static const size_t widths[] = {1, 2, 4, 8, 8};
  return widths[type];
}

int next_part(const cmpi_group *group, int64_t left) {
  return left < group->elements_per_call ? (int)left : group->elements_per_call;
}

int take_memory(size_t bytes, void **memory) {
  *memory = malloc(bytes);
  return checked(*memory == NULL ? MPI_ERR_NO_MEM : MPI_SUCCESS, "malloc");
}
