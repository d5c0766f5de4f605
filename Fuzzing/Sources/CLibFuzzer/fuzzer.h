#ifndef DUPLEX_FUZZER_H
#define DUPLEX_FUZZER_H

#include <stddef.h>
#include <stdint.h>

// LLVM documents this entry and ships no header for it:
// https://llvm.org/docs/LibFuzzer.html#using-libfuzzer-as-a-library
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*callback)(const uint8_t *data, size_t size));

#endif
