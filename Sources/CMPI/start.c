#include "internal.h"

#include <stdlib.h>

static struct cmpi_group world;

static const int levels[] = {MPI_THREAD_SINGLE, MPI_THREAD_FUNNELED, MPI_THREAD_SERIALIZED, MPI_THREAD_MULTIPLE};

// MARK: Start and end

int cmpi_was_started(void) {
  int started = 0;
  MPI_Initialized(&started);
  return started;
}

int cmpi_start(int wanted_level, int *provided_level) {
  int provided = MPI_THREAD_SINGLE;
  int code = CALL(MPI_Init_thread, NULL, NULL, levels[wanted_level], &provided);
  for (int level = 0; level < 4; level++) {
    if (levels[level] == provided) *provided_level = level;
  }
  return code;
}

int cmpi_finish(void) {
  close_memory(&world);
  return checked(MPI_Finalize(), "MPI_Finalize");
}

int cmpi_abort(int code) { return CALL(MPI_Abort, MPI_COMM_WORLD, code); }

// MARK: Groups

static int return_errors(const cmpi_group *group) {
  return CALL(MPI_Comm_set_errhandler, group->communicator, MPI_ERRORS_RETURN);
}

int cmpi_world(cmpi_group **group) {
  world.communicator = MPI_COMM_WORLD;
  world.elements_per_call = 1 << 28;  // 2 GiB of doubles: sizes in bytes stay far from where 32 bits end in old code
  world.uses_memory = 1;
  *group = &world;
  return return_errors(&world);
}

/// A group over a communicator that was made from another's.
static int make_group(const cmpi_group *from, MPI_Comm communicator, cmpi_group **group) {
  void *memory = NULL;
  int code = take_memory(sizeof(cmpi_group), &memory);
  if (code != MPI_SUCCESS) return code;
  *group = memory;
  (*group)->communicator = communicator;
  (*group)->elements_per_call = from->elements_per_call;
  (*group)->uses_memory = from->uses_memory;
  (*group)->has_looked_for_memory = 0;
  (*group)->memory_problem = 0;
  (*group)->memory = NULL;
  return return_errors(*group);
}

int cmpi_duplicate(cmpi_group *group, cmpi_group **copy) {
  MPI_Comm communicator = MPI_COMM_NULL;
  int code = CALL(MPI_Comm_dup, group->communicator, &communicator);
  return code == MPI_SUCCESS ? make_group(group, communicator, copy) : code;
}

int cmpi_free(cmpi_group *group) {
  close_memory(group);
  int code = CALL(MPI_Comm_free, &group->communicator);
  free(group);
  return code;
}

int cmpi_rank(cmpi_group *group, int *rank) { return CALL(MPI_Comm_rank, group->communicator, rank); }

int cmpi_size(cmpi_group *group, int *size) { return CALL(MPI_Comm_size, group->communicator, size); }

int cmpi_name_capacity(void) { return MPI_MAX_PROCESSOR_NAME + 1; }

int cmpi_processor_name(char *name) {
  int length = 0;
  int code = CALL(MPI_Get_processor_name, name, &length);
  if (code == MPI_SUCCESS) name[length] = 0;
  return code;
}

void cmpi_set_elements_per_call(cmpi_group *group, int32_t count) { group->elements_per_call = count; }

int32_t cmpi_elements_per_call(cmpi_group *group) { return group->elements_per_call; }
