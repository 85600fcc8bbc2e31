/* A checkpoint: one HDF5 file that knows nothing of ranks. A caller describes its state as a list
 * of fields; the same list writes and reads. Fields that all ranks hold alike are written by rank
 * 0; spread fields (replay slots) by the ranks that own the rows, each with plain writes at the
 * address that the file gives them, so that nothing depends on MPI-IO, file locking or its
 * failure modes.
 *
 * Written to a temporary name, synced by every writer, closed by an end marker, renamed; every
 * field has a checksum that does not depend on ranks and is verified on reading. Plain h5py opens
 * the file. */
#ifndef IO_CHECKPOINT_H
#define IO_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/provenance.h"
#include "par/comm.h"

typedef enum FieldType {
  FIELD_F32,
  FIELD_F64,
  FIELD_I32,
  FIELD_I64,
  FIELD_U32,
  FIELD_U8
} FieldType;

typedef struct Field {
  const char *name; /* "now/w" */
  FieldType type;
  void *data;     /* (rows here, row) */
  long rows, row; /* all rows; elements of a row */
  bool spread;    /* rows are owned by ranks, `mine` here; else every rank holds all */
  Range mine;
} Field;

enum { CHECKPOINT_FORMAT = 1 };
#define CHECKPOINT_NAME "jetnae checkpoint" /* the attribute `format` */

/* Whether this run may still write: asked on rank 0 before the rename. */
typedef struct Fence {
  Err (*pass)(void *self); /* NULL: always */
  void *self;
  int64_t run_epoch; /* part of the temporary name: a forgotten twin writes another file */
} Fence;

/* Collective. config: text stored with it. Errors: disk full, no permission, fenced off; the
 * files that were there stay. */
Err checkpoint_save(const Comm *comm, const char *path, const Field *field, int n,
                    const char *config, const Fact *facts, Fence fence);
/* Collective. Errors: no file, not HDF5, truncated, damaged (which field), another format. The
 * arrays may hold anything after an error. */
Err checkpoint_load(const Comm *comm, const char *path, Field *field, int n);

#endif
