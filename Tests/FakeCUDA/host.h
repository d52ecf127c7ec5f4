#pragma once

#include <stddef.h>

// Kernels that are compiled for the processor and run on it, if `FAKE_CUDA_COMPUTES` is set in the environment.

int host_computes(void);

/// A source with what it includes, in a folder of its own.
struct host_program;
struct host_program *host_program_create(
  const char *source, const char *name, int header_count, const char *const *headers, const char *const *names);
void host_program_destroy(struct host_program *program);
/// Compiles it by `clang++`; 0 for success.
int host_program_compile(struct host_program *program, int option_count, const char *const *options);
/// The library that came out; null if none did.
const void *host_program_binary(const struct host_program *program, size_t *bytes);

/// Opens a library that was compiled so, from its bytes; null if it cannot be.
void *host_module_load(const void *binary);
typedef void (*host_kernel)(const void *arguments, unsigned x, unsigned y, unsigned z, unsigned threads);
host_kernel host_module_kernel(void *module, const char *name);
