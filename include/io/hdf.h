/* HDF5 files: without file locking (so Lustre and NFS need no environment variable), and for those
 * of other programs messages for people when something is wrong. HDF5 is not safe in threads:
 * everything here belongs to the main thread. */
#ifndef IO_HDF_H
#define IO_HDF_H

#include <hdf5.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* How every file is made and opened: no locking, and HDF5 prints no errors of its own, now or when
 * it closes at the end of the program. Owns: the caller, H5Pclose. */
hid_t hdf_access(void);
/* Whether the file begins with HDF5's signature; no messages. */
bool hdf_signature(const char *path);
/* Owns: the caller, H5Fclose. Errors: no such file, not HDF5, truncated, damaged. */
Err hdf_open(hid_t *file, const char *path);
/* Store a message, followed by HDF5's own innermost reason; return ERR_USER. */
Err hdf_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Owns: the caller, H5Dclose. Errors: no such data set, with the nearest names that there are. */
Err hdf_dataset(hid_t *dataset, hid_t file, const char *path, const char *name);

/* One data set of a file. */
typedef struct HdfEntry {
  char name[256]; /* with the leading slash */
  char about[96]; /* "float32 [100, 40, 40]" */
  bool is_table;  /* compound, one axis */
} HdfEntry;
enum { HDF_ENTRIES = 64 };
typedef struct HdfList {
  int n; /* entries kept */
  bool more;
  HdfEntry entry[HDF_ENTRIES];
} HdfList;
/* All data sets of a file, by name. */
void hdf_list(HdfList *list, hid_t file);
/* The entries in one line of text, at most `most` of them. */
void hdf_list_text(char *text, size_t size, const HdfList *list, int most);

#endif
