#pragma once

#include <stddef.h>
#include <stdint.h>

// What this program needs of CUDA, without its headers and without linking with it: the driver, the compiler (NVRTC) and
// the matrix products (cuBLASLt) are opened when a GPU is wanted, and their functions declared by hand. Every function
// that can fail returns the library's own code, 0 for success; `ccuda_failed_call` then names the call and
// `ccuda_error_text` says what the library says of the code. Addresses in a GPU's memory are integers: nothing here can
// read them by mistake.

/// An address in a GPU's memory.
typedef uint64_t ccuda_address;

typedef struct ccuda_context ccuda_context;
typedef struct ccuda_stream ccuda_stream;
typedef struct ccuda_event ccuda_event;
typedef struct ccuda_module ccuda_module;
typedef struct ccuda_function ccuda_function;
typedef struct ccuda_products ccuda_products;
typedef struct ccuda_product ccuda_product;

// MARK: Libraries

/// Opens the three libraries: from `folders`, separated by colons, else where the system looks. Not to be called by two
/// threads at once; further calls do nothing.
///
/// Returns 0, or not 0 if a library or one of its functions is not to be had: `ccuda_missing` says which and why.
int ccuda_open(const char *folders);
/// Opens the compiler alone, which needs no GPU.
int ccuda_open_compiler(const char *folders);
/// Empty if nothing was missing: then a call failed.
const char *ccuda_missing(void);

/// Gives the libraries up; nothing of them may be in use.
void ccuda_close(void);

/// The largest CUDA version that the driver can do: 1000 · major + 10 · minor.
int ccuda_driver_version(int *version);

// MARK: Devices

int ccuda_device_count(int *count);
/// Makes the device's own context the calling thread's; it is shared with other users of the process.
int ccuda_context_open(int ordinal, ccuda_context **context);
int ccuda_context_close(int ordinal, ccuda_context *context);
/// Makes a context that is open the calling thread's.
int ccuda_context_use(ccuda_context *context);
int ccuda_device_name(int ordinal, char *name, int capacity);

typedef enum {
  ccuda_multiprocessors = 16,
  ccuda_capability_major = 75,
  ccuda_capability_minor = 76,
  ccuda_shared_bytes_per_block = 97,
} ccuda_attribute;
int ccuda_device_attribute(int ordinal, ccuda_attribute attribute, int *value);
int ccuda_memory_info(size_t *free_bytes, size_t *total_bytes);

// MARK: Memory

int ccuda_allocate(size_t bytes, ccuda_address *address);
int ccuda_free(ccuda_address address);
/// Copies on a stream; the host's memory is free again when the stream has passed them, earlier if it is not pinned.
int ccuda_upload(ccuda_address to, const void *from, size_t bytes, ccuda_stream *stream);
int ccuda_download(void *to, ccuda_address from, size_t bytes, ccuda_stream *stream);
int ccuda_copy(ccuda_address to, ccuda_address from, size_t bytes, ccuda_stream *stream);
int ccuda_set_bytes(ccuda_address to, uint8_t value, size_t bytes, ccuda_stream *stream);

/// Memory of the host that transfers take as it is, so that they need no one to wait for them.
int ccuda_allocate_pinned(size_t bytes, void **memory);
int ccuda_free_pinned(void *memory);

// MARK: Streams and events

/// A stream that does not wait for the default one.
int ccuda_stream_create(ccuda_stream **stream);
int ccuda_stream_destroy(ccuda_stream *stream);
int ccuda_stream_wait(ccuda_stream *stream);
int ccuda_event_create(ccuda_event **event);
int ccuda_event_destroy(ccuda_event *event);
int ccuda_event_record(ccuda_event *event, ccuda_stream *stream);
int ccuda_event_wait(ccuda_event *event);
/// Whether the event is past; does not wait for it.
int ccuda_event_query(ccuda_event *event, int *is_past);
int ccuda_event_milliseconds(ccuda_event *from, ccuda_event *to, float *milliseconds);

// MARK: Kernels

/// Compiles CUDA C++ for an architecture among the `options`.
///
/// - headers, header_names: what `#include "name"` finds.
/// - binary, log: to be freed with `free`; null where there is none. The log has its text also where compiling failed.
int ccuda_compile(
  const char *source, const char *name, int header_count, const char *const *headers,
  const char *const *header_names, int option_count, const char *const *options, void **binary, size_t *bytes,
  char **log);
int ccuda_compiler_version(int *major, int *minor);

int ccuda_module_load(const void *binary, ccuda_module **module);
int ccuda_module_unload(ccuda_module *module);
int ccuda_module_function(ccuda_module *module, const char *name, ccuda_function **function);

typedef enum { ccuda_local_bytes = 3, ccuda_registers = 4, ccuda_max_shared_bytes = 8 } ccuda_function_attribute;
int ccuda_function_get(ccuda_function *function, ccuda_function_attribute attribute, int *value);
int ccuda_function_set(ccuda_function *function, ccuda_function_attribute attribute, int value);
/// Blocks of `threads` threads that a multiprocessor holds at once.
int ccuda_occupancy(ccuda_function *function, int threads, size_t shared_bytes, int *blocks);

typedef struct {
  uint32_t x, y, z;
} ccuda_grid;
/// `arguments`: the kernel's parameters, each at a multiple of its alignment.
int ccuda_launch(
  ccuda_function *function, ccuda_grid grid, uint32_t threads, uint32_t shared_bytes, ccuda_stream *stream,
  const void *arguments, size_t argument_bytes);

// MARK: Matrix products

typedef enum { ccuda_float32 = 0, ccuda_bfloat16 = 14 } ccuda_type;

int ccuda_products_create(ccuda_products **products);
int ccuda_products_destroy(ccuda_products *products);

/// The shape of `c = a · b`, row-major, sums in float32, without TF32.
typedef struct {
  /// c is `[m, n]`.
  int64_t m, n, k;
  /// Whether a is stored `[k, m]`, b `[n, k]`.
  int a_transposed, b_transposed;
  /// Elements from a row to the next, as stored.
  int64_t a_stride, b_stride, c_stride;
  /// Powers of two that the addresses of all its calls are multiples of.
  uint32_t a_alignment, b_alignment, c_alignment;
  ccuda_type ab_type, c_type;
} ccuda_product_shape;

/// Chooses an algorithm that needs at most `workspace_bytes`; the same for equal shapes. Gives no product, and success,
/// where the library has no algorithm.
int ccuda_product_create(
  ccuda_products *products, ccuda_product_shape shape, size_t workspace_bytes, ccuda_product **product);
int ccuda_product_destroy(ccuda_product *product);
/// `c = scale · a · b + keep · c`.
int ccuda_product_run(
  ccuda_products *products, ccuda_product *product, float scale, float keep, ccuda_address a, ccuda_address b,
  ccuda_address c, ccuda_address workspace, size_t workspace_bytes, ccuda_stream *stream);

// MARK: Errors

/// The name of the call that failed last on this thread.
const char *ccuda_failed_call(void);
/// What its library says of its code.
const char *ccuda_error_text(void);
