#pragma once

#include <stddef.h>

// A mapped file that another program makes shorter loses pages, and the kernel answers a touch of a lost page with
// SIGBUS. Mappings that are noted here turn that into one line on standard error, which names the file, and exit code 1.

/// A noted mapping.
typedef struct cmapped_range cmapped_range;

/// Notes `byte_count` bytes from `start` as those of the file at `path`. The first call installs the handler; a SIGBUS
/// that no noted mapping explains is left to the handler that was there before. Null if there is no memory for it: the
/// mapping works all the same.
cmapped_range *cmapped_note(const void *start, size_t byte_count, const char *path);

/// Forgets a mapping, before it is unmapped. Null is allowed.
void cmapped_forget(cmapped_range *range);
