#include "internal.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

// Sums of ranks that share a machine's memory. Each rank copies a piece of its values where all can read it, adds up its
// share of the piece over all ranks in rank order, and copies the others' shares: pieces stay in caches, and a value
// leaves and enters main memory once.

/// Values of a piece: 256 KiB of each rank.
enum { PIECE = 1 << 16 };
/// Sums of fewer values are left to MPI.
enum { FEWEST = 1 << 12 };
/// Values that are added up at a time, in the nearest cache.
enum { BLOCK = 1 << 11 };
/// Looks at a flag before the core is offered to others: more ranks than cores are slow otherwise.
enum { SPINS = 1 << 10 };

/// What a rank shows the others.
struct area {
  /// Meetings that the rank has come to.
  _Alignas(64) _Atomic(uint64_t) arrivals;
  /// Two of each, used in turns: a rank that is ahead does not write what another still reads.
  _Alignas(64) float pieces[2][PIECE];
  float sums[2][PIECE];
};

struct cmpi_memory {
  MPI_Win window;
  int rank;
  int size;
  uint64_t meetings;
  uint64_t pieces;
  struct area *areas[];
};

/// Waits until all ranks have come.
static void meet(struct cmpi_memory *memory) {
  memory->meetings += 1;
  atomic_store_explicit(&memory->areas[memory->rank]->arrivals, memory->meetings, memory_order_release);
  for (int rank = 0; rank < memory->size; rank++) {
    int spins = 0;
    while (atomic_load_explicit(&memory->areas[rank]->arrivals, memory_order_acquire) < memory->meetings) {
      spins += 1;
      if (spins >= SPINS) sched_yield();
    }
  }
}

/// The first of `count` values of a piece that are rank `rank`'s to add up.
static int64_t share(int64_t count, int rank, int size) {
  // Whole cache lines.
  return rank == size ? count : count * rank / size / 16 * 16;
}

static void add_up(struct cmpi_memory *memory, int side, int64_t from, int64_t to) {
  float block[BLOCK];
  for (int64_t start = from; start < to; start += BLOCK) {
    int64_t count = to - start < BLOCK ? to - start : BLOCK;
    memcpy(block, memory->areas[0]->pieces[side] + start, (size_t)count * sizeof(float));
    for (int rank = 1; rank < memory->size; rank++) {
      const float *values = memory->areas[rank]->pieces[side] + start;
      for (int64_t i = 0; i < count; i++) block[i] += values[i];
    }
    memcpy(memory->areas[memory->rank]->sums[side] + start, block, (size_t)count * sizeof(float));
  }
}

static void sum_piece(struct cmpi_memory *memory, float *values, int64_t count) {
  int side = memory->pieces++ & 1;
  memcpy(memory->areas[memory->rank]->pieces[side], values, (size_t)count * sizeof(float));
  meet(memory);
  add_up(memory, side, share(count, memory->rank, memory->size), share(count, memory->rank + 1, memory->size));
  meet(memory);
  for (int rank = 0; rank < memory->size; rank++) {
    int64_t from = share(count, rank, memory->size);
    int64_t to = share(count, rank + 1, memory->size);
    memcpy(values + from, memory->areas[rank]->sums[side] + from, (size_t)(to - from) * sizeof(float));
  }
}

// MARK: The memory

static int open_window(cmpi_group *group, MPI_Comm node, int size) {
  void *new = NULL;
  int code = take_memory(sizeof(struct cmpi_memory) + (size_t)size * sizeof(struct area *), &new);
  if (code != MPI_SUCCESS) return code;
  struct cmpi_memory *memory = new;
  struct area *own = NULL;
  memory->size = size;
  memory->meetings = 0;
  memory->pieces = 0;
  code = CALL(MPI_Comm_rank, node, &memory->rank);
  if (code == MPI_SUCCESS) {
    code = CALL(MPI_Win_allocate_shared, sizeof(struct area), 1, MPI_INFO_NULL, node, &own, &memory->window);
  }
  for (int rank = 0; code == MPI_SUCCESS && rank < size; rank++) {
    MPI_Aint bytes = 0;
    int unit = 0;
    code = CALL(MPI_Win_shared_query, memory->window, rank, &bytes, &unit, &memory->areas[rank]);
  }
  if (code != MPI_SUCCESS) {
    free(memory);
    return code;
  }
  atomic_store(&own->arrivals, 0);
  group->memory = memory;
  return CALL(MPI_Barrier, node);
}

/// Finds out, once for a group, whether its ranks share memory, and lays it out. A call of all ranks.
static int find_memory(cmpi_group *group) {
  MPI_Comm node = MPI_COMM_NULL;
  int size = 0;
  int node_size = 0;
  group->has_looked_for_memory = 1;
  int code = CALL(MPI_Comm_split_type, group->communicator, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node);
  if (code == MPI_SUCCESS) code = cmpi_size(group, &size);
  if (code == MPI_SUCCESS) code = CALL(MPI_Comm_size, node, &node_size);
  // Ranks of one machine keep the order of the group in it; where they are all, also their numbers.
  if (code == MPI_SUCCESS && node_size == size) code = open_window(group, node, size);
  if (node != MPI_COMM_NULL) {
    int freed = CALL(MPI_Comm_free, &node);
    if (code == MPI_SUCCESS) code = freed;
  }
  return code;
}

int sum_in_memory(cmpi_group *group, float *values, int64_t count, int *is_done) {
  *is_done = 0;
  if (!group->uses_memory || count < FEWEST) return MPI_SUCCESS;
  int code = group->has_looked_for_memory ? MPI_SUCCESS : find_memory(group);
  if (code != MPI_SUCCESS || group->memory == NULL) return code;
  for (int64_t done = 0; done < count; done += PIECE) {
    sum_piece(group->memory, values + done, count - done < PIECE ? count - done : PIECE);
  }
  *is_done = 1;
  return MPI_SUCCESS;
}

int close_memory(cmpi_group *group) {
  if (group->memory == NULL) return MPI_SUCCESS;
  int code = CALL(MPI_Win_free, &group->memory->window);
  free(group->memory);
  group->memory = NULL;
  return code;
}

void cmpi_set_uses_memory(cmpi_group *group, int uses_memory) { group->uses_memory = uses_memory; }

int cmpi_uses_memory(cmpi_group *group) { return group->uses_memory; }
