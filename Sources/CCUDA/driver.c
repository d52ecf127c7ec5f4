#include "internal.h"

int ccuda_driver_version(int *version) { return DRIVER(cuDriverGetVersion, version); }

// MARK: Devices

int ccuda_device_count(int *count) { return DRIVER(cuDeviceGetCount, count); }

int ccuda_context_open(int ordinal, ccuda_context **context) {
  int device = 0;
  int code = DRIVER(cuDeviceGet, &device, ordinal);
  if (code == 0) code = DRIVER(cuDevicePrimaryCtxRetain, context, device);
  return code == 0 ? DRIVER(cuCtxSetCurrent, *context) : code;
}

int ccuda_context_close(int ordinal, ccuda_context *context) {
  (void)context;
  int device = 0;
  int code = DRIVER(cuDeviceGet, &device, ordinal);
  return code == 0 ? DRIVER(cuDevicePrimaryCtxRelease, device) : code;
}

int ccuda_context_use(ccuda_context *context) { return DRIVER(cuCtxSetCurrent, context); }

int ccuda_device_name(int ordinal, char *name, int capacity) {
  int device = 0;
  int code = DRIVER(cuDeviceGet, &device, ordinal);
  return code == 0 ? DRIVER(cuDeviceGetName, name, capacity, device) : code;
}

int ccuda_device_attribute(int ordinal, ccuda_attribute attribute, int *value) {
  int device = 0;
  int code = DRIVER(cuDeviceGet, &device, ordinal);
  return code == 0 ? DRIVER(cuDeviceGetAttribute, value, (int)attribute, device) : code;
}

int ccuda_memory_info(size_t *free_bytes, size_t *total_bytes) { return DRIVER(cuMemGetInfo, free_bytes, total_bytes); }

// MARK: Memory

int ccuda_allocate(size_t bytes, ccuda_address *address) { return DRIVER(cuMemAlloc, address, bytes); }

int ccuda_free(ccuda_address address) { return DRIVER(cuMemFree, address); }

int ccuda_allocate_pinned(size_t bytes, void **memory) {
  enum { of_all_contexts = 1 };
  return DRIVER(cuMemHostAlloc, memory, bytes, of_all_contexts);
}

int ccuda_free_pinned(void *memory) { return DRIVER(cuMemFreeHost, memory); }

int ccuda_upload(ccuda_address to, const void *from, size_t bytes, ccuda_stream *stream) {
  return DRIVER(cuMemcpyHtoDAsync, to, from, bytes, stream);
}

int ccuda_download(void *to, ccuda_address from, size_t bytes, ccuda_stream *stream) {
  return DRIVER(cuMemcpyDtoHAsync, to, from, bytes, stream);
}

int ccuda_copy(ccuda_address to, ccuda_address from, size_t bytes, ccuda_stream *stream) {
  return DRIVER(cuMemcpyDtoDAsync, to, from, bytes, stream);
}

int ccuda_set_bytes(ccuda_address to, uint8_t value, size_t bytes, ccuda_stream *stream) {
  return DRIVER(cuMemsetD8Async, to, value, bytes, stream);
}

// MARK: Streams and events

int ccuda_stream_create(ccuda_stream **stream) {
  enum { does_not_wait_for_default = 1 };
  return DRIVER(cuStreamCreate, stream, does_not_wait_for_default);
}

int ccuda_stream_destroy(ccuda_stream *stream) { return DRIVER(cuStreamDestroy, stream); }

int ccuda_stream_wait(ccuda_stream *stream) { return DRIVER(cuStreamSynchronize, stream); }

int ccuda_event_create(ccuda_event **event) { return DRIVER(cuEventCreate, event, 0); }

int ccuda_event_destroy(ccuda_event *event) { return DRIVER(cuEventDestroy, event); }

int ccuda_event_record(ccuda_event *event, ccuda_stream *stream) { return DRIVER(cuEventRecord, event, stream); }

int ccuda_event_wait(ccuda_event *event) { return DRIVER(cuEventSynchronize, event); }

int ccuda_event_query(ccuda_event *event, int *is_past) {
  enum { not_ready = 600 };
  const int code = driver.cuEventQuery(event);
  *is_past = code == 0;
  return code == not_ready ? 0 : checked_driver(code, "cuEventQuery");
}

int ccuda_event_milliseconds(ccuda_event *from, ccuda_event *to, float *milliseconds) {
  return DRIVER(cuEventElapsedTime, milliseconds, from, to);
}

// MARK: Kernels

int ccuda_module_load(const void *binary, ccuda_module **module) { return DRIVER(cuModuleLoadData, module, binary); }

int ccuda_module_unload(ccuda_module *module) { return DRIVER(cuModuleUnload, module); }

int ccuda_module_function(ccuda_module *module, const char *name, ccuda_function **function) {
  return DRIVER(cuModuleGetFunction, function, module, name);
}

int ccuda_function_get(ccuda_function *function, ccuda_function_attribute attribute, int *value) {
  return DRIVER(cuFuncGetAttribute, value, (int)attribute, function);
}

int ccuda_function_set(ccuda_function *function, ccuda_function_attribute attribute, int value) {
  return DRIVER(cuFuncSetAttribute, function, (int)attribute, value);
}

int ccuda_occupancy(ccuda_function *function, int threads, size_t shared_bytes, int *blocks) {
  return DRIVER(cuOccupancyMaxActiveBlocksPerMultiprocessor, blocks, function, threads, shared_bytes);
}

int ccuda_launch(
  ccuda_function *function, ccuda_grid grid, uint32_t threads, uint32_t shared_bytes, ccuda_stream *stream,
  const void *arguments, size_t argument_bytes) {
  // CU_LAUNCH_PARAM_BUFFER_POINTER, CU_LAUNCH_PARAM_BUFFER_SIZE, CU_LAUNCH_PARAM_END
  void *extra[] = {(void *)1, (void *)(uintptr_t)arguments, (void *)2, &argument_bytes, (void *)0};
  return DRIVER(
    cuLaunchKernel, function, grid.x, grid.y, grid.z, threads, 1, 1, shared_bytes, stream, NULL, extra);
}
