// The functions of the same names in an executable take the place of the C library's, for every library in the
// process. glibc keeps its own reachable under other names. No other thread allocates while the benchmarks count, so
// a plain counter will do.
#include "MallocCounter.h"

#include <errno.h>
#include <stdlib.h>

static unsigned long calls;

unsigned long malloc_counter_value(void) { return calls; }

#ifdef __GLIBC__

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

bool malloc_counter_works(void) { return true; }

void *malloc(size_t size)
{
    calls++;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    calls++;
    return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
    calls++;
    return __libc_realloc(memory, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    calls++;
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size)
{
    calls++;
    void *found = __libc_memalign(alignment, size);
    if (!found) return ENOMEM;
    *memory = found;
    return 0;
}

#else

bool malloc_counter_works(void) { return false; }

#endif
