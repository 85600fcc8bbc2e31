/* A file that all ranks write: laid out by rank 0 under a temporary name, filled by plain writes
 * of every rank at addresses that it was told, synced by all, and only then given its name. After
 * an error nothing stays behind. No MPI-IO, no locks: only what any file system does. */
#ifndef IO_OUTFILE_H
#define IO_OUTFILE_H

#include <limits.h>
#include <stdint.h>

#include "par/comm.h"

typedef struct OutFile {
  const Comm *comm;
  char path[PATH_MAX - 8], temporary[PATH_MAX];
  int fd;
} OutFile;

void outfile_init(OutFile *out, const Comm *comm, const char *path);
/* Local. Errors: what has this name is no file, and would be lost: a directory, link, device. */
Err outfile_may_replace(const char *path);
/* On rank 0, before HDF5 lays the file out: take `taken` bytes of the disk and see that the file
 * may grow to `length`. HDF5 does not survive a write that fails, so what it will write must have
 * its room first. Errors: disk full, file too large. */
Err outfile_reserve(OutFile *out, int64_t taken, int64_t length);
/* Local. Open what rank 0 has laid out at out->temporary. */
Err outfile_open(OutFile *out);
/* Local. Errors: disk full. */
Err outfile_put(const OutFile *out, const void *data, size_t bytes, int64_t at);
/* Collective. Sync and rename, or remove it when any rank has an error; e: of this rank. */
Err outfile_finish(OutFile *out, Err e);
/* Local. Give a finished, synced file its name, lastingly. */
Err outfile_rename(const char *from, const char *to);
/* Store what errno says about it. */
Err outfile_error(const OutFile *out);

#endif
