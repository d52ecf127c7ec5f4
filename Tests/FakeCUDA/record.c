#include "record.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *calls;
static size_t length, capacity;
static int live_count;
static char failing[128];
static int failing_code;
static unsigned char arguments[4096];
static size_t argument_bytes;

static void append(const char *text) {
  const size_t size = strlen(text);
  if (length + size + 1 > capacity) {
    capacity = 2 * (length + size + 1);
    calls = realloc(calls, capacity);
  }
  memcpy(calls + length, text, size + 1);
  length += size;
}

int record(const char *call, const char *detail) {
  pthread_mutex_lock(&lock);
  append(call);
  if (detail != NULL) {
    append(" ");
    append(detail);
  }
  append("\n");
  int code = 0;
  const char *always = getenv("FAKE_CUDA_FAILS");
  if (always != NULL && strcmp(call, always) == 0) code = 2;
  if (strcmp(call, failing) == 0) {
    code = failing_code;
    failing[0] = 0;
  }
  pthread_mutex_unlock(&lock);
  return code;
}

void count_live(int change) {
  pthread_mutex_lock(&lock);
  live_count += change;
  pthread_mutex_unlock(&lock);
}

void keep_arguments(const void *bytes, size_t size) {
  argument_bytes = size < sizeof arguments ? size : sizeof arguments;
  memcpy(arguments, bytes, argument_bytes);
}

void *make(size_t bytes) {
  count_live(1);
  return calloc(1, bytes);
}

void give_back(void *made) {
  count_live(-1);
  free(made);
}

const char *fake_cuda_calls(void) { return calls == NULL ? "" : calls; }
int fake_cuda_live_count(void) { return live_count; }

void fake_cuda_fail(const char *call, int code) {
  strncpy(failing, call, sizeof failing - 1);
  failing_code = code;
}

const void *fake_cuda_arguments(size_t *bytes) {
  *bytes = argument_bytes;
  return arguments;
}

void fake_cuda_reset(void) {
  length = 0;
  if (calls != NULL) calls[0] = 0;
  failing[0] = 0;
}
