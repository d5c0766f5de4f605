#ifndef DUPLEX_ALLOCATION_COUNTER_H
#define DUPLEX_ALLOCATION_COUNTER_H

/// How often the calling thread has asked for memory so far, by malloc or any of its kin; -1 where this cannot
/// be counted (another C library than glibc, or a sanitizer that has its own malloc).
long duplex_allocations(void);

#endif
