// libFuzzer's entry point, for a program that brings its own main.
#ifndef CFUZZER_H
#define CFUZZER_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*callback)(const uint8_t *data, size_t size));

// The descriptor of a new file in memory; -1 if there can be none.
int cfuzzer_memory_file(void);

#endif
