#pragma once

#include "KernelArguments.h"

// The kernels' sources, which are compiled where the program runs: CUDA C++ files and the headers that they include.

/// Files, kernels and headers.
int cuda_source_count(void);
/// `Norm.cu`, `Prelude.cuh`, ….
const char *cuda_source_name(int index);
const char *cuda_source_text(int index);
