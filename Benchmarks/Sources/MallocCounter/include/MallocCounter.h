#pragma once

#include <stdbool.h>

/// Whether this C library lets malloc be replaced in a way that is known here.
bool malloc_counter_works(void);

/// Calls of malloc, calloc, realloc and their aligned kin since the start of the program.
unsigned long malloc_counter_value(void);
