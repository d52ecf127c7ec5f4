#include "internal.h"

#include <stdlib.h>
#include <string.h>

// Elements that lie in one run a rank: how the sums of a buffer are shared out and put together again.

/// The runs as MPI's 32-bit calls want them.
struct runs {
  int rank;
  int size;
  /// The elements of all.
  int64_t total;
  /// `size` counts and then `size` offsets; null if the total is more than a call carries.
  int *counts;
  int *offsets;
};

static int find_runs(cmpi_group *group, const int64_t *counts, struct runs *runs) {
  runs->counts = NULL;
  runs->total = 0;
  int code = cmpi_rank(group, &runs->rank);
  if (code == MPI_SUCCESS) code = cmpi_size(group, &runs->size);
  if (code != MPI_SUCCESS) return code;
  for (int i = 0; i < runs->size; i++) runs->total += counts[i];
  if (runs->total > group->elements_per_call) return MPI_SUCCESS;
  void *memory = NULL;
  code = take_memory(2 * (size_t)runs->size * sizeof(int), &memory);
  if (code != MPI_SUCCESS) return code;
  runs->counts = memory;
  runs->offsets = runs->counts + runs->size;
  int offset = 0;
  for (int i = 0; i < runs->size; i++) {
    runs->counts[i] = (int)counts[i];
    runs->offsets[i] = offset;
    offset += runs->counts[i];
  }
  return MPI_SUCCESS;
}

// MARK: Sums

/// Sums for one rank after another, in as many calls as they need.
static int reduce_to_each(cmpi_group *group, char *values, const int64_t *counts, cmpi_type type, struct runs runs) {
  // MPICH 4.0 crashes where another rank than 0 reduces in place, so sums need room of their own: 32 MiB at most.
  const int64_t room = next_part(group, 1 << 22);
  void *sums = NULL;
  int code = take_memory((size_t)room * width(type), &sums);
  for (int root = 0; root < runs.size; root++) {
    for (int64_t left = counts[root]; code == MPI_SUCCESS && left > 0;) {
      int part = (int)(left < room ? left : room);
      code = CALL(MPI_Reduce, values, sums, part, datatype(type), MPI_SUM, root, group->communicator);
      if (root == runs.rank) memcpy(values, sums, (size_t)part * width(type));
      values += (size_t)part * width(type);
      left -= part;
    }
  }
  free(sums);
  return code;
}

int cmpi_reduce_scatter(cmpi_group *group, void *values, const int64_t *counts, cmpi_type type) {
  struct runs runs;
  int code = find_runs(group, counts, &runs);
  if (code != MPI_SUCCESS) return code;
  if (runs.counts == NULL) return reduce_to_each(group, values, counts, type, runs);
  code = CALL(
      MPI_Reduce_scatter, MPI_IN_PLACE, values, runs.counts, datatype(type), MPI_SUM, group->communicator);
  // MPI leaves a rank's sums at the start of the buffer.
  char *own = (char *)values + (size_t)runs.offsets[runs.rank] * width(type);
  if (code == MPI_SUCCESS) memmove(own, values, (size_t)runs.counts[runs.rank] * width(type));
  free(runs.counts);
  return code;
}

// MARK: Copies

/// Copies from one rank after another, in as many calls as they need.
static int broadcast_from_each(
    cmpi_group *group, char *values, const int64_t *counts, cmpi_type type, struct runs runs) {
  int code = MPI_SUCCESS;
  for (int root = 0; root < runs.size; root++) {
    for (int64_t left = counts[root]; code == MPI_SUCCESS && left > 0;) {
      int part = next_part(group, left);
      code = CALL(MPI_Bcast, values, part, datatype(type), root, group->communicator);
      values += (size_t)part * width(type);
      left -= part;
    }
  }
  return code;
}

int cmpi_all_gather(cmpi_group *group, void *values, const int64_t *counts, cmpi_type type) {
  struct runs runs;
  int code = find_runs(group, counts, &runs);
  if (code != MPI_SUCCESS) return code;
  if (runs.counts == NULL) return broadcast_from_each(group, values, counts, type, runs);
  code = CALL(
      MPI_Allgatherv, MPI_IN_PLACE, 0, datatype(type), values, runs.counts, runs.offsets, datatype(type),
      group->communicator);
  free(runs.counts);
  return code;
}

// MARK: Exchange

int cmpi_exchange(cmpi_group *group, const void *sent, const int32_t *counts, void *received, cmpi_type type) {
  int rank = 0, size = 0;
  int code = cmpi_rank(group, &rank);
  if (code == MPI_SUCCESS) code = cmpi_size(group, &size);
  if (code != MPI_SUCCESS) return code;
  void *memory = NULL;
  code = take_memory(4 * (size_t)size * sizeof(int), &memory);
  if (code != MPI_SUCCESS) return code;
  int *sent_counts = memory, *sent_offsets = sent_counts + size;
  int *received_counts = sent_offsets + size, *received_offsets = received_counts + size;
  int offset = 0;
  for (int i = 0; i < size; i++) {
    sent_counts[i] = counts[i];
    sent_offsets[i] = offset;
    received_counts[i] = counts[rank];
    received_offsets[i] = i * counts[rank];
    offset += counts[i];
  }
  code = CALL(
      MPI_Alltoallv, sent, sent_counts, sent_offsets, datatype(type), received, received_counts, received_offsets,
      datatype(type), group->communicator);
  free(memory);
  return code;
}
