#pragma once

#include "CCUDA.h"

// MARK: Functions of the libraries, as their manuals declare them

struct driver_functions {
  int (*cuInit)(unsigned);
  int (*cuDriverGetVersion)(int *);
  int (*cuGetErrorString)(int, const char **);
  int (*cuDeviceGetCount)(int *);
  int (*cuDeviceGet)(int *, int);
  int (*cuDeviceGetName)(char *, int, int);
  int (*cuDeviceGetAttribute)(int *, int, int);
  int (*cuDevicePrimaryCtxRetain)(ccuda_context **, int);
  int (*cuDevicePrimaryCtxRelease)(int);
  int (*cuCtxSetCurrent)(ccuda_context *);
  int (*cuMemGetInfo)(size_t *, size_t *);
  int (*cuMemAlloc)(ccuda_address *, size_t);
  int (*cuMemFree)(ccuda_address);
  int (*cuMemHostAlloc)(void **, size_t, unsigned);
  int (*cuMemFreeHost)(void *);
  int (*cuMemcpyHtoDAsync)(ccuda_address, const void *, size_t, ccuda_stream *);
  int (*cuMemcpyDtoHAsync)(void *, ccuda_address, size_t, ccuda_stream *);
  int (*cuMemcpyDtoDAsync)(ccuda_address, ccuda_address, size_t, ccuda_stream *);
  int (*cuMemsetD8Async)(ccuda_address, unsigned char, size_t, ccuda_stream *);
  int (*cuStreamCreate)(ccuda_stream **, unsigned);
  int (*cuStreamDestroy)(ccuda_stream *);
  int (*cuStreamSynchronize)(ccuda_stream *);
  int (*cuEventCreate)(ccuda_event **, unsigned);
  int (*cuEventDestroy)(ccuda_event *);
  int (*cuEventRecord)(ccuda_event *, ccuda_stream *);
  int (*cuEventSynchronize)(ccuda_event *);
  int (*cuEventQuery)(ccuda_event *);
  int (*cuEventElapsedTime)(float *, ccuda_event *, ccuda_event *);
  int (*cuModuleLoadData)(ccuda_module **, const void *);
  int (*cuModuleUnload)(ccuda_module *);
  int (*cuModuleGetFunction)(ccuda_function **, ccuda_module *, const char *);
  int (*cuFuncGetAttribute)(int *, int, ccuda_function *);
  int (*cuFuncSetAttribute)(ccuda_function *, int, int);
  int (*cuOccupancyMaxActiveBlocksPerMultiprocessor)(int *, ccuda_function *, int, size_t);
  int (*cuLaunchKernel)(
    ccuda_function *, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, ccuda_stream *, void **,
    void **);
};
extern struct driver_functions driver;

typedef struct nvrtc_program nvrtc_program;

struct compiler_functions {
  int (*nvrtcVersion)(int *, int *);
  const char *(*nvrtcGetErrorString)(int);
  int (*nvrtcCreateProgram)(
    nvrtc_program **, const char *, const char *, int, const char *const *, const char *const *);
  int (*nvrtcDestroyProgram)(nvrtc_program **);
  int (*nvrtcCompileProgram)(nvrtc_program *, int, const char *const *);
  int (*nvrtcGetCUBINSize)(nvrtc_program *, size_t *);
  int (*nvrtcGetCUBIN)(nvrtc_program *, char *);
  int (*nvrtcGetProgramLogSize)(nvrtc_program *, size_t *);
  int (*nvrtcGetProgramLog)(nvrtc_program *, char *);
};
extern struct compiler_functions compiler;

typedef struct blas_description blas_description;
typedef struct blas_layout blas_layout;
typedef struct blas_preference blas_preference;

/// `cublasLtMatmulAlgo_t`.
typedef struct {
  uint64_t data[8];
} blas_algorithm;

/// `cublasLtMatmulHeuristicResult_t`.
typedef struct {
  blas_algorithm algorithm;
  size_t workspace_bytes;
  int state;
  float waves;
  int reserved[4];
} blas_choice;

struct blas_functions {
  const char *(*cublasLtGetStatusString)(int);
  int (*cublasLtCreate)(ccuda_products **);
  int (*cublasLtDestroy)(ccuda_products *);
  int (*cublasLtMatmulDescCreate)(blas_description **, int, int);
  int (*cublasLtMatmulDescDestroy)(blas_description *);
  int (*cublasLtMatmulDescSetAttribute)(blas_description *, int, const void *, size_t);
  int (*cublasLtMatrixLayoutCreate)(blas_layout **, int, uint64_t, uint64_t, int64_t);
  int (*cublasLtMatrixLayoutDestroy)(blas_layout *);
  int (*cublasLtMatmulPreferenceCreate)(blas_preference **);
  int (*cublasLtMatmulPreferenceDestroy)(blas_preference *);
  int (*cublasLtMatmulPreferenceSetAttribute)(blas_preference *, int, const void *, size_t);
  int (*cublasLtMatmulAlgoGetHeuristic)(
    ccuda_products *, blas_description *, blas_layout *, blas_layout *, blas_layout *, blas_layout *,
    blas_preference *, int, blas_choice *, int *);
  int (*cublasLtMatmul)(
    ccuda_products *, blas_description *, const void *, const void *, blas_layout *, const void *, blas_layout *,
    const void *, const void *, blas_layout *, void *, blas_layout *, const blas_algorithm *, void *, size_t,
    ccuda_stream *);
};
extern struct blas_functions blas;

// MARK: Codes

/// Gives `code` back and remembers `call` and the library's `text` if it is no success.
int checked_driver(int code, const char *call);
int checked_compiler(int code, const char *call);
int checked_blas(int code, const char *call);

/// Calls a function of a library; its name is kept if it fails: `DRIVER(cuInit, 0)`.
#define DRIVER(function, ...) checked_driver(driver.function(__VA_ARGS__), #function)
#define COMPILER(function, ...) checked_compiler(compiler.function(__VA_ARGS__), #function)
#define BLAS(function, ...) checked_blas(blas.function(__VA_ARGS__), #function)
