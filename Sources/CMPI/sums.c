#include "internal.h"

#include <stdlib.h>

/// The calls of one transfer; more than one where it had to be split.
struct cmpi_request {
  int64_t count;
  MPI_Request parts[];
};

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

// MARK: Sums on their way

int cmpi_start_sum(cmpi_group *group, void *values, int64_t count, cmpi_type type, cmpi_request **request) {
  int64_t part_count = (count + group->elements_per_call - 1) / group->elements_per_call;
  void *memory = NULL;
  int code = take_memory(sizeof(cmpi_request) + (size_t)part_count * sizeof(MPI_Request), &memory);
  if (code != MPI_SUCCESS) return code;
  cmpi_request *new = memory;
  new->count = 0;
  for (int64_t done = 0; code == MPI_SUCCESS && done < count;) {
    int part = next_part(group, count - done);
    char *first = (char *)values + (size_t)done * width(type);
    code = CALL(
        MPI_Iallreduce, MPI_IN_PLACE, first, part, datatype(type), MPI_SUM, group->communicator,
        &new->parts[new->count]);
    new->count += 1;
    done += part;
  }
  if (code == MPI_SUCCESS) {
    *request = new;
  } else {
    free(new);
  }
  return code;
}

int cmpi_test(cmpi_request *request, int *done) {
  int code = MPI_SUCCESS;
  *done = 1;
  for (int64_t i = 0; code == MPI_SUCCESS && *done && i < request->count; i++) {
    code = CALL(MPI_Test, &request->parts[i], done, MPI_STATUS_IGNORE);
  }
  return code;
}

int cmpi_wait(cmpi_request *request) {
  int code = MPI_SUCCESS;
  for (int64_t i = 0; code == MPI_SUCCESS && i < request->count; i++) {
    code = CALL(MPI_Wait, &request->parts[i], MPI_STATUS_IGNORE);
  }
  free(request);
  return code;
}
