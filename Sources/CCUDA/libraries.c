#include "internal.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

struct driver_functions driver;
struct compiler_functions compiler;
struct blas_functions blas;

/// A function's name in its library, and where its address goes.
struct symbol {
  const char *name;
  void *place;
};

/// A library, under each of the names that it may have.
struct library {
  const char *title;
  const char *names[4];
  const struct symbol *symbols;
  void *handle;
};

// The names with a version are those that programs are linked with; plain ones mean an older call.
static const struct symbol driver_symbols[] = {
  {"cuInit", &driver.cuInit},
  {"cuDriverGetVersion", &driver.cuDriverGetVersion},
  {"cuGetErrorString", &driver.cuGetErrorString},
  {"cuDeviceGetCount", &driver.cuDeviceGetCount},
  {"cuDeviceGet", &driver.cuDeviceGet},
  {"cuDeviceGetName", &driver.cuDeviceGetName},
  {"cuDeviceGetAttribute", &driver.cuDeviceGetAttribute},
  {"cuDevicePrimaryCtxRetain", &driver.cuDevicePrimaryCtxRetain},
  {"cuDevicePrimaryCtxRelease_v2", &driver.cuDevicePrimaryCtxRelease},
  {"cuCtxSetCurrent", &driver.cuCtxSetCurrent},
  {"cuMemGetInfo_v2", &driver.cuMemGetInfo},
  {"cuMemAlloc_v2", &driver.cuMemAlloc},
  {"cuMemFree_v2", &driver.cuMemFree},
  {"cuMemHostAlloc", &driver.cuMemHostAlloc},
  {"cuMemFreeHost", &driver.cuMemFreeHost},
  {"cuMemcpyHtoDAsync_v2", &driver.cuMemcpyHtoDAsync},
  {"cuMemcpyDtoHAsync_v2", &driver.cuMemcpyDtoHAsync},
  {"cuMemcpyDtoDAsync_v2", &driver.cuMemcpyDtoDAsync},
  {"cuMemsetD8Async", &driver.cuMemsetD8Async},
  {"cuStreamCreate", &driver.cuStreamCreate},
  {"cuStreamDestroy_v2", &driver.cuStreamDestroy},
  {"cuStreamSynchronize", &driver.cuStreamSynchronize},
  {"cuEventCreate", &driver.cuEventCreate},
  {"cuEventDestroy_v2", &driver.cuEventDestroy},
  {"cuEventRecord", &driver.cuEventRecord},
  {"cuEventSynchronize", &driver.cuEventSynchronize},
  {"cuEventQuery", &driver.cuEventQuery},
  {"cuEventElapsedTime", &driver.cuEventElapsedTime},
  {"cuModuleLoadData", &driver.cuModuleLoadData},
  {"cuModuleUnload", &driver.cuModuleUnload},
  {"cuModuleGetFunction", &driver.cuModuleGetFunction},
  {"cuFuncGetAttribute", &driver.cuFuncGetAttribute},
  {"cuFuncSetAttribute", &driver.cuFuncSetAttribute},
  {"cuOccupancyMaxActiveBlocksPerMultiprocessor", &driver.cuOccupancyMaxActiveBlocksPerMultiprocessor},
  {"cuLaunchKernel", &driver.cuLaunchKernel},
  {NULL, NULL},
};

static const struct symbol compiler_symbols[] = {
  {"nvrtcVersion", &compiler.nvrtcVersion},
  {"nvrtcGetErrorString", &compiler.nvrtcGetErrorString},
  {"nvrtcCreateProgram", &compiler.nvrtcCreateProgram},
  {"nvrtcDestroyProgram", &compiler.nvrtcDestroyProgram},
  {"nvrtcCompileProgram", &compiler.nvrtcCompileProgram},
  {"nvrtcGetCUBINSize", &compiler.nvrtcGetCUBINSize},
  {"nvrtcGetCUBIN", &compiler.nvrtcGetCUBIN},
  {"nvrtcGetProgramLogSize", &compiler.nvrtcGetProgramLogSize},
  {"nvrtcGetProgramLog", &compiler.nvrtcGetProgramLog},
  {NULL, NULL},
};

static const struct symbol blas_symbols[] = {
  {"cublasLtGetStatusString", &blas.cublasLtGetStatusString},
  {"cublasLtCreate", &blas.cublasLtCreate},
  {"cublasLtDestroy", &blas.cublasLtDestroy},
  {"cublasLtMatmulDescCreate", &blas.cublasLtMatmulDescCreate},
  {"cublasLtMatmulDescDestroy", &blas.cublasLtMatmulDescDestroy},
  {"cublasLtMatmulDescSetAttribute", &blas.cublasLtMatmulDescSetAttribute},
  {"cublasLtMatrixLayoutCreate", &blas.cublasLtMatrixLayoutCreate},
  {"cublasLtMatrixLayoutDestroy", &blas.cublasLtMatrixLayoutDestroy},
  {"cublasLtMatmulPreferenceCreate", &blas.cublasLtMatmulPreferenceCreate},
  {"cublasLtMatmulPreferenceDestroy", &blas.cublasLtMatmulPreferenceDestroy},
  {"cublasLtMatmulPreferenceSetAttribute", &blas.cublasLtMatmulPreferenceSetAttribute},
  {"cublasLtMatmulAlgoGetHeuristic", &blas.cublasLtMatmulAlgoGetHeuristic},
  {"cublasLtMatmul", &blas.cublasLtMatmul},
  {NULL, NULL},
};

enum { driver_library, compiler_library, blas_library, library_count };

static struct library libraries[library_count] = {
  {"the CUDA driver", {"libcuda.so.1", "libcuda.so"}, driver_symbols, NULL},
  {"the CUDA compiler", {"libnvrtc.so", "libnvrtc.so.13", "libnvrtc.so.12"}, compiler_symbols, NULL},
  {"CUDA's matrix products", {"libcublasLt.so", "libcublasLt.so.13", "libcublasLt.so.12"}, blas_symbols, NULL},
};

static char missing[512];

/// Tries the names of a library in each of the folders, then where the system looks.
static void *open_library(const struct library *library, const char *folders) {
  const char *folder = folders;
  while (folder != NULL && *folder != 0) {
    const size_t length = strcspn(folder, ":");
    for (int i = 0; i < 4 && library->names[i] != NULL; i++) {
      char path[4096];
      snprintf(path, sizeof path, "%.*s/%s", (int)length, folder, library->names[i]);
      void *handle = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
      if (handle != NULL) return handle;
    }
    folder += length + (folder[length] == ':');
  }
  for (int i = 0; i < 4 && library->names[i] != NULL; i++) {
    void *handle = dlopen(library->names[i], RTLD_NOW | RTLD_GLOBAL);
    if (handle != NULL) return handle;
  }
  return NULL;
}

static int open_one(struct library *library, const char *folders) {
  if (library->handle != NULL) return 0;
  void *handle = open_library(library, folders);
  if (handle == NULL) {
    snprintf(missing, sizeof missing, "%s (%s) is not installed here", library->title, library->names[0]);
    return 1;
  }
  for (const struct symbol *symbol = library->symbols; symbol->name != NULL; symbol++) {
    void *address = dlsym(handle, symbol->name);
    if (address == NULL) {
      snprintf(
        missing, sizeof missing, "%s (%s) has no function %s", library->title, library->names[0], symbol->name);
      dlclose(handle);
      return 1;
    }
    memcpy(symbol->place, &address, sizeof address);
  }
  library->handle = handle;
  return 0;
}

int ccuda_open(const char *folders) {
  missing[0] = 0;
  for (int i = 0; i < library_count; i++) {
    if (open_one(&libraries[i], folders) != 0) return 1;
  }
  return DRIVER(cuInit, 0);
}

int ccuda_open_compiler(const char *folders) {
  missing[0] = 0;
  return open_one(&libraries[compiler_library], folders);
}

const char *ccuda_missing(void) { return missing; }

void ccuda_close(void) {
  for (int i = 0; i < library_count; i++) {
    if (libraries[i].handle != NULL) dlclose(libraries[i].handle);
    libraries[i].handle = NULL;
  }
}

// MARK: Errors

static _Thread_local const char *failed_call = "CUDA";
static _Thread_local const char *error_text = "no error";

static int checked(int code, const char *call, const char *text) {
  failed_call = call;
  error_text = text == NULL ? "an unknown error" : text;
  return code;
}

int checked_driver(int code, const char *call) {
  if (code == 0) return 0;
  const char *text = NULL;
  driver.cuGetErrorString(code, &text);
  return checked(code, call, text);
}

int checked_compiler(int code, const char *call) {
  return code == 0 ? 0 : checked(code, call, compiler.nvrtcGetErrorString(code));
}

int checked_blas(int code, const char *call) {
  return code == 0 ? 0 : checked(code, call, blas.cublasLtGetStatusString(code));
}

const char *ccuda_failed_call(void) { return failed_call; }
const char *ccuda_error_text(void) { return error_text; }
