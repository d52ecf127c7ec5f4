#include "host.h"
#include "record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t address;

int cuInit(unsigned flags) {
  (void)flags;
  return record("cuInit", NULL);
}

int cuDriverGetVersion(int *version) {
  *version = 13000;
  return record("cuDriverGetVersion", NULL);
}

int cuGetErrorString(int code, const char **text) {
  (void)code;
  *text = "a fake failure";
  return 0;
}

int cuDeviceGetCount(int *count) {
  *count = 1;
  return record("cuDeviceGetCount", NULL);
}

int cuDeviceGet(int *device, int ordinal) {
  *device = ordinal;
  return record("cuDeviceGet", NULL);
}

int cuDeviceGetName(char *name, int capacity, int device) {
  (void)device;
  snprintf(name, (size_t)capacity, "Fake GPU");
  return record("cuDeviceGetName", NULL);
}

int cuDeviceGetAttribute(int *value, int attribute, int device) {
  (void)device;
  enum { multiprocessors = 16, major = 75, minor = 76 };
  *value = attribute == multiprocessors ? 4 : attribute == major ? 9 : attribute == minor ? 0 : 232448;
  return record("cuDeviceGetAttribute", NULL);
}

int cuDevicePrimaryCtxRetain(void **context, int device) {
  (void)device;
  static int the_context;
  int code = record("cuDevicePrimaryCtxRetain", NULL);
  if (code == 0) {
    count_live(1);
    *context = &the_context;
  }
  return code;
}

int cuDevicePrimaryCtxRelease_v2(int device) {
  (void)device;
  count_live(-1);
  return record("cuDevicePrimaryCtxRelease", NULL);
}

int cuCtxSetCurrent(void *context) {
  (void)context;
  return record("cuCtxSetCurrent", NULL);
}

int cuMemGetInfo_v2(size_t *free_bytes, size_t *total_bytes) {
  *free_bytes = *total_bytes = (size_t)1 << 37;
  return record("cuMemGetInfo", NULL);
}

// MARK: Memory

// Large arrays are never touched, and cost nothing until they are.
int cuMemAlloc_v2(address *made, size_t bytes) {
  int code = record("cuMemAlloc", NULL);
  if (code != 0) return code;
  void *memory = make(bytes);
  // What nobody writes is not a number in any type.
  if (host_computes()) memset(memory, 0xff, bytes);
  *made = (address)(uintptr_t)memory;
  return 0;
}

int cuMemFree_v2(address given) {
  give_back((void *)(uintptr_t)given);
  return record("cuMemFree", NULL);
}

int cuMemHostAlloc(void **made, size_t bytes, unsigned flags) {
  (void)flags;
  int code = record("cuMemHostAlloc", NULL);
  if (code == 0) *made = make(bytes);
  return code;
}

int cuMemFreeHost(void *given) {
  give_back(given);
  return record("cuMemFreeHost", NULL);
}

int cuMemcpyHtoDAsync_v2(address to, const void *from, size_t bytes, void *stream) {
  (void)stream;
  int code = record("cuMemcpyHtoDAsync", NULL);
  if (code == 0) memcpy((void *)(uintptr_t)to, from, bytes);
  return code;
}

int cuMemcpyDtoHAsync_v2(void *to, address from, size_t bytes, void *stream) {
  (void)stream;
  int code = record("cuMemcpyDtoHAsync", NULL);
  if (code == 0) memcpy(to, (const void *)(uintptr_t)from, bytes);
  return code;
}

int cuMemcpyDtoDAsync_v2(address to, address from, size_t bytes, void *stream) {
  (void)stream;
  int code = record("cuMemcpyDtoDAsync", NULL);
  if (code == 0 && host_computes()) memcpy((void *)(uintptr_t)to, (const void *)(uintptr_t)from, bytes);
  return code;
}

int cuMemsetD8Async(address to, unsigned char value, size_t bytes, void *stream) {
  (void)stream;
  int code = record("cuMemsetD8Async", NULL);
  // What is set everywhere else is zero, as fresh memory is.
  if (code == 0 && (bytes < 1 << 20 || host_computes())) memset((void *)(uintptr_t)to, value, bytes);
  return code;
}

// MARK: Streams, events, kernels

static int make_one(const char *call, void **made) {
  int code = record(call, NULL);
  if (code == 0) *made = make(1);
  return code;
}

static int give_one(const char *call, void *made) {
  give_back(made);
  return record(call, NULL);
}

int cuStreamCreate(void **stream, unsigned flags) {
  (void)flags;
  return make_one("cuStreamCreate", stream);
}
int cuStreamDestroy_v2(void *stream) { return give_one("cuStreamDestroy", stream); }
int cuStreamSynchronize(void *stream) {
  (void)stream;
  return record("cuStreamSynchronize", NULL);
}

int cuEventCreate(void **event, unsigned flags) {
  (void)flags;
  return make_one("cuEventCreate", event);
}
int cuEventDestroy_v2(void *event) { return give_one("cuEventDestroy", event); }
int cuEventRecord(void *event, void *stream) {
  (void)event, (void)stream;
  return record("cuEventRecord", NULL);
}
int cuEventSynchronize(void *event) {
  (void)event;
  return record("cuEventSynchronize", NULL);
}
int cuEventQuery(void *event) {
  (void)event;
  return record("cuEventQuery", NULL);
}
int cuEventElapsedTime(float *milliseconds, void *from, void *to) {
  (void)from, (void)to;
  *milliseconds = 0.5f;
  return record("cuEventElapsedTime", NULL);
}

/// Kernels that are loaded; opened only where they are computed.
struct module {
  void *library;
};

int cuModuleLoadData(void **module, const void *binary) {
  int code = record("cuModuleLoadData", NULL);
  if (code != 0) return code;
  struct module *made = make(sizeof *made);
  if (host_computes()) made->library = host_module_load(binary);
  *module = made;
  return 0;
}
int cuModuleUnload(void *module) { return give_one("cuModuleUnload", module); }

/// A function's name, and how it is called where kernels compute. Kept for ever: there are few.
struct function {
  const char *name;
  host_kernel kernel;
};

int cuModuleGetFunction(void **function, void *module, const char *name) {
  int code = record("cuModuleGetFunction", name);
  if (code != 0) return code;
  host_kernel kernel = NULL;
  if (host_computes()) {
    void *library = ((struct module *)module)->library;
    kernel = library == NULL ? NULL : host_module_kernel(library, name);
    enum { not_found = 500 };
    if (kernel == NULL) return not_found;
  }
  static struct function functions[1024];
  for (int i = 0; i < 1024; i++) {
    if (functions[i].name == NULL) functions[i] = (struct function){strdup(name), kernel};
    if (strcmp(functions[i].name, name) != 0 || functions[i].kernel != kernel) continue;
    *function = &functions[i];
    return 0;
  }
  return 1;
}

int cuFuncGetAttribute(int *value, int attribute, void *function) {
  (void)attribute, (void)function;
  *value = 128;
  return record("cuFuncGetAttribute", NULL);
}
int cuFuncSetAttribute(void *function, int attribute, int value) {
  (void)function, (void)attribute, (void)value;
  return record("cuFuncSetAttribute", NULL);
}
int cuOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, void *function, int threads, size_t shared_bytes) {
  (void)function, (void)threads, (void)shared_bytes;
  *blocks = 4;
  return record("cuOccupancyMaxActiveBlocksPerMultiprocessor", NULL);
}

int cuLaunchKernel(
  void *function, unsigned x, unsigned y, unsigned z, unsigned threads, unsigned threads_y, unsigned threads_z,
  unsigned shared_bytes, void *stream, void **parameters, void **extra) {
  (void)threads_y, (void)threads_z, (void)shared_bytes, (void)stream, (void)parameters;
  const struct function *called = function;
  enum { invalid_value = 1 };
  // Pairs of what follows and its value: 1 the arguments, 2 a pointer to their size.
  keep_arguments(extra[1], *(const size_t *)extra[3]);
  int code = record("cuLaunchKernel", called->name);
  if (code == 0 && (x == 0 || y == 0 || z == 0 || y > 65535 || z > 65535 || threads > 1024)) code = invalid_value;
  if (code == 0 && called->kernel != NULL) called->kernel(extra[1], x, y, z, threads);
  return code;
}
