#include "CMappedFiles.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

struct cmapped_range {
  /// 0 while nothing is noted here. Written last, so that who finds it finds the rest too.
  _Atomic(uintptr_t) start;
  size_t byte_count;
  char *path;
  /// Set once.
  struct cmapped_range *next;
};

/// The handler walks this list without a lock, so entries are used again and never freed.
static _Atomic(cmapped_range *) first;
/// Held by who changes the list.
static pthread_mutex_t change = PTHREAD_MUTEX_INITIALIZER;
static struct sigaction before;

// MARK: The handler: nothing but what POSIX allows in one

/// The digits of `value` at the end of `digits`, which has room for 20; returns where they begin.
static char *decimal(uint64_t value, char *digits) {
  char *place = digits + 20;
  do {
    *--place = (char)('0' + value % 10);
    value /= 10;
  } while (value > 0);
  return place;
}

static struct iovec part(const char *start, size_t count) {
  return (struct iovec){.iov_base = (void *)(uintptr_t)start, .iov_len = count};
}

static struct iovec text(const char *words) { return part(words, strlen(words)); }

/// Says what has become of the file, and ends the process.
static _Noreturn void end(const cmapped_range *range) {
  static atomic_flag is_ending = ATOMIC_FLAG_INIT;
  // Several threads may meet the same fault; one line is enough.
  while (atomic_flag_test_and_set(&is_ending)) pause();
  struct stat status;
  char found[20], expected[20];
  struct iovec parts[8];
  int count = 0;
  // On a terminal a progress line may stand unfinished.
  if (isatty(STDERR_FILENO)) parts[count++] = text("\n");
  parts[count++] = text("catlm: ");
  parts[count++] = text(range->path);
  if (stat(range->path, &status) == 0 && (uint64_t)status.st_size < range->byte_count) {
    char *digits = decimal((uint64_t)status.st_size, found);
    parts[count++] = text(": the file was cut short while it was in use: found ");
    parts[count++] = part(digits, (size_t)(found + 20 - digits));
    parts[count++] = text(" bytes, it had ");
    digits = decimal(range->byte_count, expected);
    parts[count++] = part(digits, (size_t)(expected + 20 - digits));
    parts[count++] = text(" when it was opened\n");
  } else {
    parts[count++] = text(": the file can no longer be read: it was cut short, or its disk fails\n");
  }
  ssize_t written = writev(STDERR_FILENO, parts, count);
  (void)written;  // where standard error fails there is nowhere to say so
  _exit(1);
}

static void handle(int number, siginfo_t *info, void *context) {
  (void)context;
  uintptr_t address = (uintptr_t)info->si_addr;
  // A signal that a process sent has no address.
  for (cmapped_range *range = info->si_code > 0 ? atomic_load(&first) : NULL; range != NULL; range = range->next) {
    uintptr_t start = atomic_load(&range->start);
    if (start != 0 && address >= start && address - start < range->byte_count) end(range);
  }
  // The fault is met again, as if this handler had never been; a signal that was sent is sent again.
  sigaction(number, &before, NULL);
  if (info->si_code <= 0) raise(number);
}

// MARK: The list

static void install(void) {
  struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO};
  sigemptyset(&action.sa_mask);
  sigaction(SIGBUS, &action, &before);
}

/// An entry that is free, or a new one at the head of the list.
static cmapped_range *free_entry(void) {
  for (cmapped_range *range = atomic_load(&first); range != NULL; range = range->next) {
    if (atomic_load(&range->start) == 0) return range;
  }
  cmapped_range *range = calloc(1, sizeof(cmapped_range));
  if (range == NULL) return NULL;
  range->next = atomic_load(&first);
  atomic_store(&first, range);
  return range;
}

cmapped_range *cmapped_note(const void *start, size_t byte_count, const char *path) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, install);
  char *copy = strdup(path);
  if (copy == NULL) return NULL;
  pthread_mutex_lock(&change);
  cmapped_range *range = free_entry();
  if (range != NULL) {
    range->byte_count = byte_count;
    range->path = copy;
    atomic_store(&range->start, (uintptr_t)start);
  }
  pthread_mutex_unlock(&change);
  if (range == NULL) free(copy);
  return range;
}

void cmapped_forget(cmapped_range *range) {
  if (range == NULL) return;
  pthread_mutex_lock(&change);
  atomic_store(&range->start, 0);
  free(range->path);
  range->path = NULL;
  pthread_mutex_unlock(&change);
}
