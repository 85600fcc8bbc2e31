/* A data set as it lies in its file: opening takes the address of every chunk, reading is pread
 * and decompression, without HDF5, so that any thread of any rank reads its own rows and no
 * others.
 *
 * Chunked layout with the filters Blosc, deflate and shuffle; contiguous layout, which is treated
 * as chunks of some rows without filters. Cost of opening: one look-up and 16 bytes per chunk. */
#ifndef IO_CHUNKS_H
#define IO_CHUNKS_H

#include <hdf5.h>
#include <stdint.h>

#include "base/err.h"

enum { CHUNKS_RANK = 8, CHUNKS_FILTERS = 4 };

typedef struct ChunkPlace {
  uint64_t address;
  uint32_t stored; /* bytes in the file */
  uint32_t mask;   /* bit i: filter i was left out */
} ChunkPlace;

typedef struct Chunks {
  char where[1400]; /* "train.h5: /table/table", for messages */
  int fd;
  int rank;
  long dims[CHUNKS_RANK];  /* rows first */
  long chunk[CHUNKS_RANK]; /* shape of a chunk; it may reach over the ends of dims */
  long grid[CHUNKS_RANK];  /* chunks along each axis */
  size_t item;             /* bytes of an element */
  size_t row_bytes;        /* of one row of the data set */
  size_t chunk_bytes;      /* of a chunk, decompressed */
  size_t largest;          /* bytes of a chunk in the file */
  long n;
  ChunkPlace *place; /* (n), the last axis fastest */
  int filters;
  struct {
    int id;
    size_t element;         /* shuffle: bytes of an element */
  } filter[CHUNKS_FILTERS]; /* in the order of writing */
} Chunks;

/* Local. Owns: the caller, chunks_close; `dataset` may be closed before. Errors: layout or filter
 * that is not handled, chunk missing or beyond the end of the file; there is nothing to close
 * then. */
Err chunks_open(Chunks *chunks, hid_t dataset, const char *path, const char *name);
void chunks_close(Chunks *chunks);

/* Room to decompress in; one per thread. Owns: the caller, chunkroom_free. */
typedef struct ChunkRoom {
  unsigned char *stored, *plain, *spare; /* (largest stored), (chunk_bytes) twice */
} ChunkRoom;
ChunkRoom chunkroom_new(const Chunks *chunks);
void chunkroom_free(ChunkRoom *room);

/* Local. Chunk i, decompressed: *data of chunk_bytes (contiguous layout: as many as there are).
 * Borrows: in room, until the next call. Thread-safe. Errors: damaged. */
Err chunks_load(const Chunks *chunks, const unsigned char **data, ChunkRoom *room, long i);
/* Local. Rows from .. to - 1 to out (to - from, row_bytes). Thread-safe. Errors: damaged. */
Err chunks_read(const Chunks *chunks, void *out, long from, long to);

#endif
