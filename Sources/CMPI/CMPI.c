#include "CMPI.h"

#include <stdlib.h>
#include <string.h>

#define OMPI_SKIP_MPICXX 1
#define MPICH_SKIP_MPICXX 1
#include <mpi.h>

struct cmpi_group {
  MPI_Comm communicator;
  int32_t elements_per_call;
};

static struct cmpi_group world;

// MARK: Start and end

static const int levels[] = {MPI_THREAD_SINGLE, MPI_THREAD_FUNNELED, MPI_THREAD_SERIALIZED, MPI_THREAD_MULTIPLE};

int cmpi_was_started(void) {
  int started = 0;
  MPI_Initialized(&started);
  return started;
}

int cmpi_start(int wanted_level, int *provided_level) {
  int provided = MPI_THREAD_SINGLE;
  int code = MPI_Init_thread(NULL, NULL, levels[wanted_level], &provided);
  for (int level = 0; level < 4; level++) {
    if (levels[level] == provided) *provided_level = level;
  }
  return code;
}

int cmpi_world(cmpi_group **group) {
  world.communicator = MPI_COMM_WORLD;
  world.elements_per_call = 1 << 28;  // 2 GiB of doubles: sizes in bytes stay far from where 32 bits end in old code
  *group = &world;
  return MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
}

int cmpi_finish(void) { return MPI_Finalize(); }

int cmpi_abort(int code) { return MPI_Abort(MPI_COMM_WORLD, code); }

// MARK: Who and where

int cmpi_rank(cmpi_group *group, int *rank) { return MPI_Comm_rank(group->communicator, rank); }

int cmpi_size(cmpi_group *group, int *size) { return MPI_Comm_size(group->communicator, size); }

int cmpi_name_capacity(void) { return MPI_MAX_PROCESSOR_NAME + 1; }

int cmpi_processor_name(char *name) {
  int length = 0;
  int code = MPI_Get_processor_name(name, &length);
  if (code == MPI_SUCCESS) name[length] = 0;
  return code;
}

// MARK: Collectives

void cmpi_set_elements_per_call(cmpi_group *group, int32_t count) { group->elements_per_call = count; }

int32_t cmpi_elements_per_call(cmpi_group *group) { return group->elements_per_call; }

/// Elements of the next call when `left` are to go.
static int next_part(const cmpi_group *group, int64_t left) {
  return left < group->elements_per_call ? (int)left : group->elements_per_call;
}

static int all_reduce(cmpi_group *group, void *values, int64_t count, MPI_Datatype type, int64_t width, MPI_Op op) {
  for (int64_t done = 0; done < count;) {
    int part = next_part(group, count - done);
    int code = MPI_Allreduce(MPI_IN_PLACE, (char *)values + done * width, part, type, op, group->communicator);
    if (code != MPI_SUCCESS) return code;
    done += part;
  }
  return MPI_SUCCESS;
}

int cmpi_sum_f32(cmpi_group *group, float *values, int64_t count) {
  return all_reduce(group, values, count, MPI_FLOAT, sizeof(float), MPI_SUM);
}

int cmpi_sum_f64(cmpi_group *group, double *values, int64_t count) {
  return all_reduce(group, values, count, MPI_DOUBLE, sizeof(double), MPI_SUM);
}

int cmpi_sum_i64(cmpi_group *group, int64_t *values, int64_t count) {
  return all_reduce(group, values, count, MPI_INT64_T, sizeof(int64_t), MPI_SUM);
}

int cmpi_max_f64(cmpi_group *group, double *values, int64_t count) {
  return all_reduce(group, values, count, MPI_DOUBLE, sizeof(double), MPI_MAX);
}

int cmpi_broadcast(cmpi_group *group, void *bytes, int64_t count, int root) {
  for (int64_t done = 0; done < count;) {
    int part = next_part(group, count - done);
    int code = MPI_Bcast((char *)bytes + done, part, MPI_BYTE, root, group->communicator);
    if (code != MPI_SUCCESS) return code;
    done += part;
  }
  return MPI_SUCCESS;
}

/// The gathering of more bytes than one call's 32-bit offsets reach: each rank broadcasts its own in turn.
static int gather_by_broadcasts(
    cmpi_group *group, const void *mine, const int64_t *counts, char *all, int rank, int size) {
  for (int root = 0; root < size; root++) {
    if (root == rank && counts[root] > 0) memcpy(all, mine, (size_t)counts[root]);
    int code = cmpi_broadcast(group, all, counts[root], root);
    if (code != MPI_SUCCESS) return code;
    all += counts[root];
  }
  return MPI_SUCCESS;
}

static int gather_at_once(cmpi_group *group, const void *mine, const int64_t *counts, char *all, int rank, int size) {
  int *lengths = malloc(2 * (size_t)size * sizeof(int));
  if (lengths == NULL) return MPI_ERR_NO_MEM;
  int *offsets = lengths + size;
  int offset = 0;
  for (int i = 0; i < size; i++) {
    lengths[i] = (int)counts[i];
    offsets[i] = offset;
    offset += lengths[i];
  }
  int code = MPI_Allgatherv(mine, lengths[rank], MPI_BYTE, all, lengths, offsets, MPI_BYTE, group->communicator);
  free(lengths);
  return code;
}

int cmpi_all_gather(cmpi_group *group, const void *mine, const int64_t *counts, void *all) {
  int rank = 0, size = 0;
  int code = cmpi_rank(group, &rank);
  if (code == MPI_SUCCESS) code = cmpi_size(group, &size);
  if (code != MPI_SUCCESS) return code;
  int64_t total = 0;
  for (int i = 0; i < size; i++) total += counts[i];
  if (total > group->elements_per_call) return gather_by_broadcasts(group, mine, counts, all, rank, size);
  return gather_at_once(group, mine, counts, all, rank, size);
}

int cmpi_barrier(cmpi_group *group) { return MPI_Barrier(group->communicator); }

// MARK: Errors

int cmpi_text_capacity(void) { return MPI_MAX_ERROR_STRING + 1; }

int cmpi_error_text(int code, char *text) {
  int length = 0;
  int result = MPI_Error_string(code, text, &length);
  if (result == MPI_SUCCESS) text[length] = 0;
  return result;
}
