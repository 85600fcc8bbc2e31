/* Plain HDF5 in a few words, for files that other programs open too (h5py): attributes, groups,
 * datasets with named dimensions. No MPI, no filters, no time stamps.
 *
 * A file to be written is made in memory and published at one stroke: temporary name, sync,
 * rename. So HDF5 never sees a full disk, a reader never sees half a file, and the same content
 * gives the same bytes. Failures inside HDF5 while writing are bugs or exhausted memory and end
 * the program; reading answers false for whatever is absent or of another kind, and the caller
 * finds the words. */
#ifndef MODEL_H5_H
#define MODEL_H5_H

#include <hdf5.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/provenance.h"

/* Make an empty file in memory. Owns: the caller, until h5_publish. */
hid_t h5_new(void);
/* Make an empty file at `path` whose arrays others will fill where h5_put_room says; what HDF5
 * itself writes goes to `room` bytes at its beginning, which should have their place on the disk.
 * -1: cannot be made. Owns: the caller, h5_close. */
hid_t h5_new_at(const char *path, size_t room);
/* Close the file and put it at `path`. Errors: cannot write; an old file stays as it was. */
Err h5_publish(hid_t file, const char *path);

/* Make a group. Owns: the caller, h5_close. */
hid_t h5_group(hid_t parent, const char *name);
/* Text of up to 60,000 bytes; the rest is cut. */
void h5_put_text(hid_t object, const char *name, const char *value);
void h5_put_int(hid_t object, const char *name, long value);
void h5_put_ints(hid_t object, const char *name, const long *value, int n);
void h5_put_real(hid_t object, const char *name, double value);
/* dims (rank), labels (rank). Owns: the caller, h5_close (so that attributes can be added). */
hid_t h5_put_array(hid_t parent, const char *name, hid_t type, int rank, const long *dims,
                   const char *const *labels, const void *data);
/* The same without contents: they lie in one piece from *address of the file on. */
hid_t h5_put_room(hid_t parent, const char *name, hid_t type, int rank, const long *dims,
                  const char *const *labels, int64_t *address);
/* Text of any length, as a scalar dataset. */
void h5_put_document(hid_t parent, const char *name, const char *text);
/* The group /provenance; facts are ended by a NULL name. */
void h5_put_facts(hid_t file, const Fact *facts);

/* Open for reading, without locking. Errors: no such file, not HDF5, truncated or damaged.
 * `wanted` says what the file should be ("a model written by jetnae train"). Owns: the caller,
 * h5_close. */
Err h5_open(hid_t *file, const char *path, const char *wanted);
/* Open the group or dataset; -1 when there is none. Owns: the caller, h5_close. */
hid_t h5_find(hid_t parent, const char *name);
bool h5_get_text(hid_t object, const char *name, char *value, size_t size);
/* Owns: the caller, mem_free. NULL when there is none. */
char *h5_get_long_text(hid_t object, const char *name);
char *h5_get_document(hid_t parent, const char *name);
bool h5_get_int(hid_t object, const char *name, long *value);
bool h5_get_ints(hid_t object, const char *name, long *value, int n);
bool h5_get_real(hid_t object, const char *name, double *value);
/* Close a file, group or dataset; -1 is let pass. */
void h5_close(hid_t object);

#endif
