/* IDX files of bytes (MNIST, Fashion-MNIST), plain or gzip'd. A plain file is read where it lies;
 * of a gzip'd one, which has no random access, every rank keeps the bytes. */
#ifndef IO_IDX_H
#define IO_IDX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum { IDX_RANK = 4 };

typedef struct Idx {
  char path[1024];
  int rank;
  long dims[IDX_RANK]; /* items first */
  long item;           /* bytes of one */
  int fd;              /* -1: in memory */
  long header;         /* bytes before the first item */
  uint8_t *bytes;      /* (dims[0], item) of a gzip'd file */
} Idx;

/* Whether the file begins like an IDX file of bytes, gzip'd or not; no messages. */
bool idx_signature(const char *path);
/* Local. Owns: the caller, idx_close. Errors: no such file, no IDX file of bytes, truncated, gzip
 * damaged; there is nothing to close then. */
Err idx_open(Idx *idx, const char *path);
void idx_close(Idx *idx);
/* Local. Items from .. to - 1 to out (to - from, item). Thread-safe. Errors: the disk's. */
Err idx_read(const Idx *idx, uint8_t *out, long from, long to);

#endif
