#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

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
/// What MPI may take of the same memory for each rank: Open MPI's segments.
enum { OTHERS = 4 << 20 };
enum { NAME_LENGTH = 64 };

/// What a rank shows the others; whole pages, so that each rank's are near its own cores.
struct area {
  /// Meetings that the rank has come to.
  _Alignas(4096) _Atomic(uint64_t) arrivals;
  /// Two of each, used in turns: a rank that is ahead does not write what another still reads.
  _Alignas(64) float pieces[2][PIECE];
  float sums[2][PIECE];
};

struct cmpi_memory {
  int rank;
  int size;
  uint64_t rendezvous;
  uint64_t pieces;
  /// One a rank.
  struct area *areas;
};

/// Waits until all ranks have come.
static void meet(struct cmpi_memory *memory) {
  memory->rendezvous += 1;
  atomic_store_explicit(&memory->areas[memory->rank].arrivals, memory->rendezvous, memory_order_release);
  for (int rank = 0; rank < memory->size; rank++) {
    int spins = 0;
    while (atomic_load_explicit(&memory->areas[rank].arrivals, memory_order_acquire) < memory->rendezvous) {
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
    memcpy(block, memory->areas[0].pieces[side] + start, (size_t)count * sizeof(float));
    for (int rank = 1; rank < memory->size; rank++) {
      const float *values = memory->areas[rank].pieces[side] + start;
      for (int64_t i = 0; i < count; i++) block[i] += values[i];
    }
    memcpy(memory->areas[memory->rank].sums[side] + start, block, (size_t)count * sizeof(float));
  }
}

static void sum_piece(struct cmpi_memory *memory, float *values, int64_t count) {
  int side = memory->pieces++ & 1;
  memcpy(memory->areas[memory->rank].pieces[side], values, (size_t)count * sizeof(float));
  meet(memory);
  add_up(memory, side, share(count, memory->rank, memory->size), share(count, memory->rank + 1, memory->size));
  meet(memory);
  for (int rank = 0; rank < memory->size; rank++) {
    int64_t from = share(count, rank, memory->size);
    int64_t to = share(count, rank + 1, memory->size);
    memcpy(values + from, memory->areas[rank].sums[side] + from, (size_t)(to - from) * sizeof(float));
  }
}

// MARK: The memory

/// Makes memory under a name that nobody else has.
///
/// Gives 0 or the system's error number.
static int make_file(char *name, int *descriptor, int size) {
  for (int attempt = 0; attempt < 100; attempt++) {
    snprintf(name, NAME_LENGTH, "/catlm-%ld-%d", (long)getpid(), attempt);
    *descriptor = shm_open(name, O_RDWR | O_CREAT | O_EXCL, S_IRUSR | S_IWUSR);
    if (*descriptor >= 0 || errno != EEXIST) break;
  }
  if (*descriptor < 0) {
    int error = errno;
    name[0] = 0;
    return error;
  }
  // MPI's own memory lies there as well, and is filled as it is used: what lacks then ends the job.
  struct statvfs room;
  if (fstatvfs(*descriptor, &room) == 0 && room.f_blocks > 0 &&
      (int64_t)(room.f_bavail * room.f_frsize) < cmpi_memory_bytes(size)) {
    return ENOSPC;
  }
  return ftruncate(*descriptor, (off_t)size * (off_t)sizeof(struct area)) == 0 ? 0 : errno;
}

/// Takes the pages of one rank for good: a page that is missing when it is written ends the process.
static int reserve(int descriptor, int rank) {
#ifdef __linux__
  return posix_fallocate(descriptor, (off_t)rank * (off_t)sizeof(struct area), sizeof(struct area));
#else
  (void)descriptor;
  (void)rank;
  return 0;
#endif
}

/// The largest of all ranks' error numbers.
static int agree(MPI_Comm node, int *error) { return CALL(MPI_Allreduce, MPI_IN_PLACE, error, 1, MPI_INT, MPI_MAX, node); }

/// Gives the group memory that its ranks share, or notes why there is none. A call of all ranks, which all are in `node`.
static int lay_out(cmpi_group *group, MPI_Comm node, int size) {
  char name[NAME_LENGTH] = {0};
  int descriptor = -1;
  int error = 0;
  int rank = 0;
  const size_t bytes = (size_t)size * sizeof(struct area);
  struct cmpi_memory *memory = NULL;
  struct area *areas = MAP_FAILED;
  int code = CALL(MPI_Comm_rank, node, &rank);
  if (code == MPI_SUCCESS && rank == 0) error = make_file(name, &descriptor, size);
  // An error of the first goes with the name: nobody waits for memory that does not come.
  if (code == MPI_SUCCESS) code = CALL(MPI_Bcast, &error, 1, MPI_INT, 0, node);
  if (code == MPI_SUCCESS) code = CALL(MPI_Bcast, name, NAME_LENGTH, MPI_CHAR, 0, node);
  if (code == MPI_SUCCESS && error == 0) {
    if (rank != 0) descriptor = shm_open(name, O_RDWR, 0);
    error = descriptor < 0 ? errno : reserve(descriptor, rank);
    if (error == 0) areas = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (error == 0 && areas == MAP_FAILED) error = errno;
    if (error == 0 && take_memory(sizeof *memory, (void **)&memory) != MPI_SUCCESS) error = ENOMEM;
    code = agree(node, &error);
  }
  if (descriptor >= 0) close(descriptor);
  // All have it by now, or none will: the name goes, so that whatever happens nothing is left behind.
  if (rank == 0 && name[0] != 0) shm_unlink(name);
  if (code == MPI_SUCCESS && error == 0) {
    *memory = (struct cmpi_memory){.rank = rank, .size = size, .areas = areas};
    group->memory = memory;
    return MPI_SUCCESS;
  }
  if (areas != MAP_FAILED) munmap(areas, bytes);
  free(memory);
  group->memory_problem = error;
  return code;
}

// MARK: Whether to use it

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
  if (code == MPI_SUCCESS && size > 1 && node_size == size) code = lay_out(group, node, size);
  if (node != MPI_COMM_NULL) {
    int freed = CALL(MPI_Comm_free, &node);
    if (code == MPI_SUCCESS) code = freed;
  }
  return code;
}

int cmpi_open_memory(cmpi_group *group, int *is_shared, int *problem) {
  int code = group->uses_memory && !group->has_looked_for_memory ? find_memory(group) : MPI_SUCCESS;
  *is_shared = group->uses_memory && group->memory != NULL;
  *problem = group->uses_memory ? group->memory_problem : 0;
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

void close_memory(cmpi_group *group) {
  if (group->memory == NULL) return;
  munmap(group->memory->areas, (size_t)group->memory->size * sizeof(struct area));
  free(group->memory);
  group->memory = NULL;
}

void cmpi_set_uses_memory(cmpi_group *group, int uses_memory) { group->uses_memory = uses_memory; }

int cmpi_uses_memory(cmpi_group *group) { return group->uses_memory; }

int64_t cmpi_memory_bytes(int ranks) { return (int64_t)ranks * ((int64_t)sizeof(struct area) + OTHERS); }
