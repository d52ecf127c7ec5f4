#pragma once

#include "CMPI.h"

#include <stddef.h>

#define OMPI_SKIP_MPICXX 1
#define MPICH_SKIP_MPICXX 1
#include <mpi.h>

struct cmpi_memory;

struct cmpi_group {
  MPI_Comm communicator;
  int32_t elements_per_call;
  /// Whether sums may go through memory that the ranks share.
  int uses_memory;
  int has_looked_for_memory;
  /// The system's error number that kept ranks of one machine from sharing memory, the same on all; 0 where none did.
  int memory_problem;
  /// Null until it is wanted, and where the ranks are on several machines.
  struct cmpi_memory *memory;
};

/// Gives `code` back and remembers `call` if it is no success.
int checked(int code, const char *call);

/// Calls an MPI function; its name is kept if it fails: `CALL(MPI_Barrier, communicator)`.
#define CALL(function, ...) checked(function(__VA_ARGS__), #function)

MPI_Datatype datatype(cmpi_type type);
size_t width(cmpi_type type);

/// Elements of the next call when `left` are to go.
int next_part(const cmpi_group *group, int64_t left);

/// Memory, or the code of an error.
int take_memory(size_t bytes, void **memory);

/// Sums through shared memory where that is allowed and there is some; else nothing is done. A call of all ranks.
int sum_in_memory(cmpi_group *group, float *values, int64_t count, int *is_done);

/// Gives back what `sum_in_memory` uses.
void close_memory(cmpi_group *group);
