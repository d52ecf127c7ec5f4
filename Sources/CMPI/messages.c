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
