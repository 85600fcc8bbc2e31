/* The CRC-32 of a file as `crc32` and Python's zlib.crc32 give it, each rank reading its own
 * part. */
#ifndef IO_FILESUM_H
#define IO_FILESUM_H

#include <stdint.h>

#include "par/comm.h"

/* Collective. Errors: cannot be read. */
Err filesum(const Comm *comm, const char *path, int64_t *bytes, uint32_t *crc);

#endif
