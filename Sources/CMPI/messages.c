#include "internal.h"

int cmpi_broadcast(cmpi_group *group, void *bytes, int64_t count, int root) {
  int code = MPI_SUCCESS;
  for (int64_t done = 0; code == MPI_SUCCESS && done < count;) {
    int part = next_part(group, count - done);
    code = CALL(MPI_Bcast, (char *)bytes + done, part, MPI_BYTE, root, group->communicator);
    done += part;
  }
  return code;
}

int cmpi_barrier(cmpi_group *group) { return CALL(MPI_Barrier, group->communicator); }

// MARK: Two ranks

int cmpi_send(cmpi_group *group, const void *bytes, int64_t count, int to) {
  int code = MPI_SUCCESS;
  for (int64_t done = 0; code == MPI_SUCCESS && done < count;) {
    int part = next_part(group, count - done);
    code = CALL(MPI_Send, (const char *)bytes + done, part, MPI_BYTE, to, 0, group->communicator);
    done += part;
  }
  return code;
}

int cmpi_receive(cmpi_group *group, void *bytes, int64_t count, int from, int64_t *received) {
  *received = 0;
  while (*received < count) {
    int part = next_part(group, count - *received);
    int found = 0;
    MPI_Status status;
    int code = CALL(MPI_Recv, (char *)bytes + *received, part, MPI_BYTE, from, 0, group->communicator, &status);
    if (code == MPI_SUCCESS) code = CALL(MPI_Get_count, &status, MPI_BYTE, &found);
    if (code != MPI_SUCCESS) return code;
    *received += found;
    if (found < part) break;
  }
  return MPI_SUCCESS;
}

// MARK: Sums

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
