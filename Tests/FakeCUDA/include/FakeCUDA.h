#pragma once

#include <stddef.h>

// A driver, compiler and matrix products that compute nothing, under the names of CUDA's. Device memory is the host's, so
// that copies work; kernels leave it as it is. Calls are recorded, in one order for all threads.
//
// In the environment: FAKE_CUDA_COMPUTES: kernels are compiled by clang++ for the processor and run there, products are made;
// what nobody has written is not a number. FAKE_CUDA_NO_PRODUCTS: products have no algorithm. FAKE_CUDA_FAILS: the name of a
// call that gives code 2 each time.

/// Names of all calls since the last reset, a line each; a launch with its kernel's name: `cuLaunchKernel normForward`.
const char *fake_cuda_calls(void);
/// Things that were made and not given back: allocations, streams, events, modules, contexts, products.
int fake_cuda_live_count(void);
/// The next call of this name gives this code, and so on: once.
void fake_cuda_fail(const char *call, int code);
/// The arguments of the last launch, and how many bytes they take.
const void *fake_cuda_arguments(size_t *bytes);
void fake_cuda_reset(void);
