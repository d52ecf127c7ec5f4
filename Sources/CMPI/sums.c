#include "internal.h"

static int all_reduce(cmpi_group *group, char *values, int64_t count, cmpi_type type, MPI_Op op) {
  int code = MPI_SUCCESS;
  for (int64_t done = 0; code == MPI_SUCCESS && done < count;) {
    int part = next_part(group, count - done);
    char *first = values + (size_t)done * width(type);
    code = CALL(MPI_Allreduce, MPI_IN_PLACE, first, part, datatype(type), op, group->communicator);
    done += part;
  }
  return code;
}

int cmpi_sum(cmpi_group *group, void *values, int64_t count, cmpi_type type) {
  int is_done = 0;
  if (type == cmpi_f32) {
    int code = sum_in_memory(group, values, count, &is_done);
    if (code != MPI_SUCCESS || is_done) return code;
  }
  return all_reduce(group, values, count, type, MPI_SUM);
}

int cmpi_max(cmpi_group *group, void *values, int64_t count, cmpi_type type) {
  return all_reduce(group, values, count, type, MPI_MAX);
}
