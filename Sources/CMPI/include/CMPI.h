#pragma once

#include <stdint.h>

// What this program needs of MPI, without a type of mpi.h: handles are pointers in some implementations and integers
// in others, and macros in all, so they stay behind this header. Every function that can fail returns MPI's own code,
// 0 for success; `cmpi_error_text` says what a code means. Counts are 64 bits wide and are split where MPI's are not.

/// A communicator.
typedef struct cmpi_group cmpi_group;

/// Whether `MPI_Init_thread` was ever called in this process. MPI cannot start again after it has ended.
int cmpi_was_started(void);

/// Starts MPI. Thread levels: 0 single, 1 funneled, 2 serialized, 3 multiple.
int cmpi_start(int wanted_level, int *provided_level);

/// The communicator of all ranks, set to return errors instead of aborting.
int cmpi_world(cmpi_group **group);

/// Ends MPI.
int cmpi_finish(void);

int cmpi_rank(cmpi_group *group, int *rank);
int cmpi_size(cmpi_group *group, int *size);

/// Bytes that a processor's name may take, the final zero included.
int cmpi_name_capacity(void);
int cmpi_processor_name(char *name);

/// The largest number of elements that one MPI call carries from now on; longer calls are split. At least 1, equal on
/// all ranks.
void cmpi_set_elements_per_call(cmpi_group *group, int32_t count);
int32_t cmpi_elements_per_call(cmpi_group *group);

// Element-wise, in place, the result on all ranks.
int cmpi_sum_f32(cmpi_group *group, float *values, int64_t count);
int cmpi_sum_f64(cmpi_group *group, double *values, int64_t count);
int cmpi_sum_i64(cmpi_group *group, int64_t *values, int64_t count);
int cmpi_max_f64(cmpi_group *group, double *values, int64_t count);

int cmpi_broadcast(cmpi_group *group, void *bytes, int64_t count, int root);

/// Gives every rank the bytes of all, one rank's after another's.
///
/// `counts` holds every rank's number of bytes and is equal on all ranks; `all` has room for their sum.
int cmpi_all_gather(cmpi_group *group, const void *mine, const int64_t *counts, void *all);

int cmpi_barrier(cmpi_group *group);

/// Ends the processes of all ranks.
int cmpi_abort(int code);

/// Bytes that an error's text may take, the final zero included.
int cmpi_text_capacity(void);
/// MPI's own text for a code.
int cmpi_error_text(int code, char *text);
