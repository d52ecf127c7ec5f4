#pragma once

#include "FakeCUDA.h"

#include <stdint.h>

/// Records a call and gives the code that it is to return.
int record(const char *call, const char *detail);
/// Counts what is made (1) and given back (-1).
void count_live(int change);
void keep_arguments(const void *arguments, size_t bytes);
/// An address that is given back with `give_back`.
void *make(size_t bytes);
void give_back(void *made);
