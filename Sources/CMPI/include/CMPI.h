#pragma once

#include <stdint.h>

// What this program needs of MPI, without a type of mpi.h: handles are pointers in some implementations and integers
// in others, and macros in all, so they stay behind this header. Every function that can fail returns MPI's own code,
// 0 for success; `cmpi_failed_call` then names the call and `cmpi_error_text` says what its code means. Counts are 64
// bits wide and are split where MPI's are not.

/// A communicator.
typedef struct cmpi_group cmpi_group;

/// A transfer on its way.

/// What an element is.
typedef enum { cmpi_u8, cmpi_u16, cmpi_f32, cmpi_f64, cmpi_i64 } cmpi_type;

// MARK: Start and end

/// Whether `MPI_Init_thread` was ever called in this process. MPI cannot start again after it has ended.
int cmpi_was_started(void);

/// Starts MPI. Thread levels: 0 single, 1 funneled, 2 serialized, 3 multiple.
int cmpi_start(int wanted_level, int *provided_level);

/// Ends MPI.
int cmpi_finish(void);

/// Ends the processes of all ranks.
int cmpi_abort(int code);

// MARK: Groups: set to return errors instead of aborting

/// All ranks.
int cmpi_world(cmpi_group **group);

/// The same ranks with a message space of their own. Like the next, a call of all ranks.
int cmpi_duplicate(cmpi_group *group, cmpi_group **copy);

/// Gives up a group that is not the world.
int cmpi_free(cmpi_group *group);

int cmpi_rank(cmpi_group *group, int *rank);
int cmpi_size(cmpi_group *group, int *size);

/// Bytes that a processor's name may take, the final zero included.
int cmpi_name_capacity(void);
int cmpi_processor_name(char *name);

/// The largest number of elements that one MPI call carries from now on; longer calls are split. At least 1, equal on
/// all ranks; groups made from this one have it too.
void cmpi_set_elements_per_call(cmpi_group *group, int32_t count);
int32_t cmpi_elements_per_call(cmpi_group *group);

/// Whether single-precision sums of ranks that are all on one machine go through memory that they share, as they do at
/// first, or are left to MPI. Equal on all ranks; groups made from this one have it too.
void cmpi_set_uses_memory(cmpi_group *group, int uses_memory);
int cmpi_uses_memory(cmpi_group *group);

/// Lays out that memory, if nobody has, ahead of the first sum. A call of all ranks, which all learn the same: whether
/// sums go through it, and else the system's error number that keeps ranks which are all on one machine from it, 0 where
/// nothing does.
int cmpi_open_memory(cmpi_group *group, int *is_shared, int *problem);

/// Bytes that have to be free in /dev/shm for so many ranks: for their sums, and for MPI's own.
int64_t cmpi_memory_bytes(int ranks);

// MARK: Calls of all ranks

// Element-wise, in place, the result on all ranks.
int cmpi_sum(cmpi_group *group, void *values, int64_t count, cmpi_type type);
int cmpi_max(cmpi_group *group, void *values, int64_t count, cmpi_type type);

/// Sums in place, one run of elements for each rank: `counts[r]`, equal on all ranks, belong to rank r and follow those
/// of rank r - 1. Afterwards a rank's own hold their sums and the others anything.
int cmpi_reduce_scatter(cmpi_group *group, void *values, const int64_t *counts, cmpi_type type);

/// Copies each rank's own elements of `values`, which lie as in `cmpi_reduce_scatter`, to all ranks.
int cmpi_all_gather(cmpi_group *group, void *values, const int64_t *counts, cmpi_type type);

/// Sends to each rank r its `counts[r]` elements of `sent`, one rank's after another's, and receives as many as this
/// rank owns from each, one rank's after another's. One MPI call: never split.
int cmpi_exchange(cmpi_group *group, const void *sent, const int32_t *counts, void *received, cmpi_type type);

int cmpi_broadcast(cmpi_group *group, void *bytes, int64_t count, int root);
int cmpi_barrier(cmpi_group *group);

// MARK: Calls of two ranks

int cmpi_send(cmpi_group *group, const void *bytes, int64_t count, int to);

/// Receives at most `count` bytes; `received` is less if the sender gave fewer.
int cmpi_receive(cmpi_group *group, void *bytes, int64_t count, int from, int64_t *received);

// MARK: Errors

/// The name of the call that failed last on this thread.
const char *cmpi_failed_call(void);

/// Bytes that an error's text may take, the final zero included.
int cmpi_text_capacity(void);
/// MPI's own text for a code.
int cmpi_error_text(int code, char *text);
