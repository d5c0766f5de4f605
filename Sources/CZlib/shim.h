#ifndef DUPLEX_CZLIB_H
#define DUPLEX_CZLIB_H

#include <zlib.h>

// The initialisers of zlib are macros, which Swift cannot see.

static inline int duplex_deflateInit2(z_stream *stream, int level, int windowBits, int memLevel, int strategy) {
    return deflateInit2(stream, level, Z_DEFLATED, windowBits, memLevel, strategy);
}

static inline int duplex_inflateInit2(z_stream *stream, int windowBits) {
    return inflateInit2(stream, windowBits);
}

#endif
