#pragma once

#include "CMPI.h"

#include <stddef.h>

#define OMPI_SKIP_MPICXX 1
#define MPICH_SKIP_MPICXX 1
#include <mpi.h>

struct cmpi_group {
  MPI_Comm communicator;
  int32_t elements_per_call;
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
