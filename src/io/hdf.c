#include "io/hdf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/spelling.h"
#include "io/number.h"

static herr_t keep_innermost(unsigned depth, const H5E_error2_t *error, void *text) {
  if (depth == 0 && error->desc) snprintf(text, 512, "%s", error->desc);
  return 0;
}

/* Borrows: valid until the next call. */
static const char *innermost(void) {
  static char text[512];
  snprintf(text, sizeof text, "HDF5 gives no reason");
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_innermost, text);
  return text;
}

Err hdf_error(const char *format, ...) {
  char text[2048];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  return err_user("%s: %s", text, innermost());
}

/* The first bytes of a file: how many there are, at most 8. */
static size_t first_bytes(unsigned char bytes[8], const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file) return 0;
  size_t n = fread(bytes, 1, 8, file);
  fclose(file);
  return n;
}

bool hdf_signature(const char *path) {
  unsigned char bytes[8];
  return first_bytes(bytes, path) == 8 && !memcmp(bytes, "\211HDF\r\n\032\n", 8);
}

static Err not_hdf5(const char *path) {
  unsigned char bytes[8];
  char text[64] = "nothing";
  size_t n = first_bytes(bytes, path);
  for (size_t i = 0; i < n; i++) sprintf(text + 3 * i, "%02x%s", bytes[i], i + 1 < n ? " " : "");
  return err_user("%s: found a file that begins with %s, want an HDF5 file (89 48 44 46 ...)",
                  path, text);
}

static Err not_opened(const char *path, long long size) {
  const char *reason = innermost(), *stored = strstr(reason, "stored_eof = ");
  if (strstr(reason, "truncated file") && stored)
    return err_user("%s: truncated: found %lld bytes, want %s; copy it again", path, size,
                    stored + strlen("stored_eof = "));
  return hdf_error("%s: damaged HDF5 file; copy it again", path);
}

/* Every reader's first look at a path. */
static Err look(const char *path, long long *size) {
  struct stat status;
  if (stat(path, &status)) return err_user("%s: %s", path, strerror(errno));
  if (!S_ISREG(status.st_mode)) return err_user("%s: found no regular file", path);
  FILE *file = fopen(path, "rb");
  if (!file) return err_user("%s: %s", path, strerror(errno));
  fclose(file);
  *size = status.st_size;
  return OK;
}

hid_t hdf_access(void) {
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  CHECK(access >= 0, "H5Pcreate: %s", innermost());
#if H5_VERSION_GE(1, 10, 7)
  H5Pset_file_locking(access, 0, 1);
#endif
  return access;
}

Err hdf_open(hid_t *file, const char *path) {
  long long size = 0;
  TRY(look(path, &size));
  if (!hdf_signature(path)) return not_hdf5(path);
  hid_t access = hdf_access();
  *file = H5Fopen(path, H5F_ACC_RDONLY, access);
  Err e = *file < 0 ? not_opened(path, size) : OK;
  H5Pclose(access);
  return e;
}

static void describe(HdfEntry *entry, hid_t dataset) {
  hsize_t dims[H5S_MAX_RANK];
  char name[32] = "other";
  hid_t type = H5Dget_type(dataset), space = H5Dget_space(dataset);
  int rank = H5Sget_simple_extent_dims(space, dims, NULL);
  Number number;
  bool compound = H5Tget_class(type) == H5T_COMPOUND;
  if (compound)
    snprintf(name, sizeof name, "compound");
  else if (number_of(&number, type))
    number_name(name, &number);
  int used = snprintf(entry->about, sizeof entry->about, "%s [", name);
  for (int i = 0; i < rank && used < 60; i++)
    used += snprintf(entry->about + used, sizeof entry->about - (size_t)used, "%s%llu",
                     i ? ", " : "", (unsigned long long)dims[i]);
  snprintf(entry->about + used, sizeof entry->about - (size_t)used, "]");
  entry->is_table = compound && rank == 1;
  H5Sclose(space);
  H5Tclose(type);
}

/* A walk through the groups of a file. HDF5's own does not end in a damaged file whose groups
 * form a ring; this one has a last depth and a last step. */
enum { DEEPEST = 8, STEPS = 4096 };
typedef struct Walk {
  HdfList *list;
  char path[sizeof(((HdfEntry *)0)->name)];
  int depth, steps;
} Walk;

static void add_dataset(HdfList *list, const char *path, hid_t dataset) {
  if (list->n == HDF_ENTRIES) {
    list->more = true;
    return;
  }
  HdfEntry *entry = &list->entry[list->n++];
  snprintf(entry->name, sizeof entry->name, "%s", path);
  describe(entry, dataset);
}

static herr_t step(hid_t group, const char *name, const H5L_info_t *info, void *data) {
  Walk *walk = data;
  size_t n = strlen(walk->path);
  if (++walk->steps > STEPS) return 1;
  hid_t object = H5Oopen(group, name, H5P_DEFAULT);
  if (object < 0) return 0;
  int used = snprintf(walk->path + n, sizeof walk->path - n, "/%s", name);
  bool fits = used > 0 && n + (size_t)used < sizeof walk->path;
  H5I_type_t kind = H5Iget_type(object);
  if (fits && kind == H5I_DATASET) add_dataset(walk->list, walk->path, object);
  if (fits && kind == H5I_GROUP && walk->depth < DEEPEST) {
    walk->depth++;
    H5Literate(object, H5_INDEX_NAME, H5_ITER_INC, NULL, step, walk);
    walk->depth--;
  }
  walk->path[n] = 0;
  H5Oclose(object);
  return 0;
}

void hdf_list(HdfList *list, hid_t file) {
  Walk walk = {.list = list};
  memset(list, 0, sizeof *list);
  H5Literate(file, H5_INDEX_NAME, H5_ITER_INC, NULL, step, &walk);
}

void hdf_list_text(char *text, size_t size, const HdfList *list, int most) {
  size_t used = 0;
  snprintf(text, size, "no data sets");
  for (int i = 0; i < list->n && i < most && used < size; i++)
    used += (size_t)snprintf(text + used, size - used, "%s%s %s", i ? ", " : "",
                             list->entry[i].name, list->entry[i].about);
  if ((list->n > most || list->more) && used < size) snprintf(text + used, size - used, ", ...");
}

static const char *wanted_name;
static int by_distance(const void *a, const void *b) {
  const HdfEntry *x = a, *y = b;
  int d = spelling_distance(wanted_name, x->name) - spelling_distance(wanted_name, y->name);
  return d ? d : strcmp(x->name, y->name);
}

static Err no_dataset(hid_t file, const char *path, const char *name) {
  char text[1024];
  HdfList *list = MEM_NEW(HdfList, "list of data sets", 1);
  hdf_list(list, file);
  wanted_name = name;
  qsort(list->entry, (size_t)list->n, sizeof *list->entry, by_distance);
  hdf_list_text(text, sizeof text, list, 4);
  mem_free(&list);
  return err_user("%s: found no data set %s; the nearest: %s", path, name, text);
}

Err hdf_dataset(hid_t *dataset, hid_t file, const char *path, const char *name) {
  *dataset = H5Oopen(file, name, H5P_DEFAULT);
  if (*dataset >= 0 && H5Iget_type(*dataset) == H5I_DATASET) return OK;
  if (*dataset >= 0) H5Oclose(*dataset);
  *dataset = -1;
  return no_dataset(file, path, name);
}
