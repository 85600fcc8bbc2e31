#include "model/h5.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

enum { GROWTH = 1 << 20, PATH_SIZE = 4096, TEXT_LIMIT = 60000, DOCUMENT_LIMIT = 1 << 24 };

/* HDF5 prints its own errors unless told not to; ours are for people. */
static void be_quiet(void) { H5Eset_auto2(H5E_DEFAULT, NULL, NULL); }

static hid_t good(hid_t id) {
  CHECK(id >= 0, "HDF5 refused while making a file");
  return id;
}

static void done(herr_t status) { CHECK(status >= 0, "HDF5 refused while making a file"); }

hid_t h5_new(void) {
  be_quiet();
  hid_t access = good(H5Pcreate(H5P_FILE_ACCESS));
  done(H5Pset_fapl_core(access, GROWTH, 0));
  /* A newer superblock has a checksum, which H5Fget_file_image leaves wrong in HDF5 1.10. */
  done(H5Pset_libver_bounds(access, H5F_LIBVER_EARLIEST, H5F_LIBVER_V18));
  hid_t create = good(H5Pcreate(H5P_FILE_CREATE));
  done(H5Pset_obj_track_times(create, 0));
  hid_t file = good(H5Fcreate("in memory", H5F_ACC_TRUNC, create, access));
  H5Pclose(create);
  H5Pclose(access);
  return file;
}

hid_t h5_new_at(const char *path, size_t room) {
  be_quiet();
  hid_t access = good(H5Pcreate(H5P_FILE_ACCESS));
  done(H5Pset_libver_bounds(access, H5F_LIBVER_EARLIEST, H5F_LIBVER_V18));
  done(H5Pset_meta_block_size(access, room));
  hid_t create = good(H5Pcreate(H5P_FILE_CREATE));
  done(H5Pset_obj_track_times(create, 0));
  hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, create, access);
  H5Pclose(create);
  H5Pclose(access);
  return file;
}

static Err write_all(int fd, const char *bytes, size_t size) {
  for (size_t at = 0; at < size;) {
    ssize_t n = write(fd, bytes + at, size - at);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return ERR_USER;
    at += (size_t)n;
  }
  return fsync(fd) ? ERR_USER : OK;
}

/* A rename is lasting once its directory is. */
static void sync_directory(const char *path) {
  char dir[PATH_SIZE];
  snprintf(dir, sizeof dir, "%s", path);
  char *slash = strrchr(dir, '/');
  if (slash) slash[slash == dir] = 0;
  int fd = open(slash ? dir : ".", O_RDONLY | O_DIRECTORY);
  if (fd < 0) return;
  fsync(fd);
  close(fd);
}

static Err publish_bytes(const char *path, const char *bytes, size_t size) {
  char temporary[PATH_SIZE];
  if (snprintf(temporary, sizeof temporary, "%s.tmp", path) >= PATH_SIZE)
    return err_user("%.60s...: the path is too long", path);
  int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC, 0666);
  if (fd < 0)
    return err_user("%s: cannot be written (%s); choose another out=, or make the directory",
                    path, strerror(errno));
  Err e = write_all(fd, bytes, size);
  int reason = errno;
  if (close(fd) && !e) e = ERR_USER, reason = errno;
  if (!e && rename(temporary, path)) e = ERR_USER, reason = errno;
  if (e) {
    unlink(temporary);
    return err_user(
        "%s: cannot write %zu bytes (%s); an older file stays as it was; make room or "
        "choose another out=",
        path, size, strerror(reason));
  }
  sync_directory(path);
  return OK;
}

Err h5_publish(hid_t file, const char *path) {
  done(H5Fflush(file, H5F_SCOPE_GLOBAL));
  ssize_t size = H5Fget_file_image(file, NULL, 0);
  CHECK(size > 0, "HDF5 gives no image of the file");
  char *bytes = MEM_NEW(char, "file image", size);
  CHECK(H5Fget_file_image(file, bytes, (size_t)size) == size, "HDF5 gives no image of the file");
  done(H5Fclose(file));
  Err e = publish_bytes(path, bytes, (size_t)size);
  mem_free(&bytes);
  return e;
}

hid_t h5_group(hid_t parent, const char *name) {
  hid_t create = good(H5Pcreate(H5P_GROUP_CREATE));
  done(H5Pset_obj_track_times(create, 0));
  hid_t group = good(H5Gcreate2(parent, name, H5P_DEFAULT, create, H5P_DEFAULT));
  H5Pclose(create);
  return group;
}

static void put(hid_t object, const char *name, hid_t type, hid_t space, const void *value) {
  hid_t attr = good(H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT));
  done(H5Awrite(attr, type, value));
  H5Aclose(attr);
  H5Sclose(space);
}

/* Fixed length (0: variable), UTF-8, ended by zero. */
static hid_t text_type(size_t size) {
  hid_t type = good(H5Tcopy(H5T_C_S1));
  done(H5Tset_size(type, size ? size : H5T_VARIABLE));
  done(H5Tset_cset(type, H5T_CSET_UTF8));
  return type;
}

/* An attribute can't have more than 64 kB; what is longer is cut. */
void h5_put_text(hid_t object, const char *name, const char *value) {
  char *text = strndup(value, TEXT_LIMIT);
  CHECK(text, "no memory");
  hid_t type = text_type(strlen(text) + 1);
  put(object, name, type, H5Screate(H5S_SCALAR), text);
  H5Tclose(type);
  free(text);
}

void h5_put_int(hid_t object, const char *name, long value) {
  put(object, name, H5T_NATIVE_LONG, H5Screate(H5S_SCALAR), &value);
}

void h5_put_ints(hid_t object, const char *name, const long *value, int n) {
  put(object, name, H5T_NATIVE_LONG, H5Screate_simple(1, &(hsize_t){(hsize_t)n}, NULL), value);
}

void h5_put_real(hid_t object, const char *name, double value) {
  put(object, name, H5T_NATIVE_DOUBLE, H5Screate(H5S_SCALAR), &value);
}

/* As H5DSset_label stores them. */
static void put_labels(hid_t dataset, int rank, const char *const *labels) {
  hid_t type = text_type(0);
  put(dataset, "DIMENSION_LABELS", type, H5Screate_simple(1, &(hsize_t){(hsize_t)rank}, NULL),
      labels);
  H5Tclose(type);
}

/* filled: HDF5 writes it, else somebody else does. */
static hid_t new_array(hid_t parent, const char *name, hid_t type, int rank, const long *dims,
                       const char *const *labels, bool filled) {
  hsize_t extent[H5S_MAX_RANK];
  for (int i = 0; i < rank; i++) extent[i] = (hsize_t)dims[i];
  hid_t space = good(H5Screate_simple(rank, extent, NULL));
  hid_t create = good(H5Pcreate(H5P_DATASET_CREATE));
  done(H5Pset_obj_track_times(create, 0));
  if (!filled) done(H5Pset_alloc_time(create, H5D_ALLOC_TIME_EARLY));
  if (!filled) done(H5Pset_fill_time(create, H5D_FILL_TIME_NEVER));
  hid_t set = good(H5Dcreate2(parent, name, type, space, H5P_DEFAULT, create, H5P_DEFAULT));
  put_labels(set, rank, labels);
  H5Pclose(create);
  H5Sclose(space);
  return set;
}

hid_t h5_put_array(hid_t parent, const char *name, hid_t type, int rank, const long *dims,
                   const char *const *labels, const void *data) {
  hid_t set = new_array(parent, name, type, rank, dims, labels, true);
  done(H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data));
  return set;
}

hid_t h5_put_room(hid_t parent, const char *name, hid_t type, int rank, const long *dims,
                  const char *const *labels, int64_t *address) {
  hid_t set = new_array(parent, name, type, rank, dims, labels, false);
  *address = (int64_t)H5Dget_offset(set);
  return set;
}

void h5_put_document(hid_t parent, const char *name, const char *text) {
  hid_t space = good(H5Screate(H5S_SCALAR)), type = text_type(strlen(text) + 1);
  hid_t create = good(H5Pcreate(H5P_DATASET_CREATE));
  done(H5Pset_obj_track_times(create, 0));
  hid_t set = good(H5Dcreate2(parent, name, type, space, H5P_DEFAULT, create, H5P_DEFAULT));
  done(H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, text));
  H5Dclose(set);
  H5Pclose(create);
  H5Tclose(type);
  H5Sclose(space);
}

void h5_put_facts(hid_t file, const Fact *facts) {
  hid_t group = h5_group(file, "provenance");
  for (const Fact *f = facts; f && f->name; f++) h5_put_text(group, f->name, f->value);
  h5_close(group);
}

Err h5_open(hid_t *file, const char *path, const char *wanted) {
  be_quiet();
  *file = -1;
  struct stat info;
  if (stat(path, &info)) return err_user("%s: %s; want %s", path, strerror(errno), wanted);
  if (!S_ISREG(info.st_mode)) return err_user("%s: not a file; want %s", path, wanted);
  if (H5Fis_hdf5(path) <= 0) return err_user("%s: not an HDF5 file; want %s", path, wanted);
  hid_t access = good(H5Pcreate(H5P_FILE_ACCESS));
  done(H5Pset_file_locking(access, 0, 1));
  *file = H5Fopen(path, H5F_ACC_RDONLY, access);
  H5Pclose(access);
  if (*file < 0)
    return err_user("%s: truncated or damaged (%lld bytes); take another copy of the file", path,
                    (long long)info.st_size);
  return OK;
}

hid_t h5_find(hid_t parent, const char *name) {
  if (H5Lexists(parent, name, H5P_DEFAULT) <= 0) return -1;
  return H5Oopen(parent, name, H5P_DEFAULT);
}

/* The attribute, if it has this class and n elements; -1. */
static hid_t open_attr(hid_t object, const char *name, H5T_class_t class, int n) {
  if (object < 0 || H5Aexists(object, name) <= 0) return -1;
  hid_t attr = H5Aopen(object, name, H5P_DEFAULT);
  if (attr < 0) return -1;
  hid_t type = H5Aget_type(attr), space = H5Aget_space(attr);
  bool fits = H5Tget_class(type) == class && H5Tis_variable_str(type) <= 0 &&
              H5Sget_simple_extent_npoints(space) == n;
  H5Sclose(space);
  H5Tclose(type);
  if (fits) return attr;
  H5Aclose(attr);
  return -1;
}

static bool get(hid_t object, const char *name, H5T_class_t class, hid_t type, int n,
                void *value) {
  hid_t attr = open_attr(object, name, class, n);
  if (attr < 0) return false;
  bool read = H5Aread(attr, type, value) >= 0;
  H5Aclose(attr);
  return read;
}

/* Bytes of a text with its zero; 0 when there is none. */
static size_t text_size(hid_t object, const char *name) {
  hid_t attr = open_attr(object, name, H5T_STRING, 1);
  if (attr < 0) return 0;
  hid_t type = H5Aget_type(attr);
  size_t size = H5Tget_size(type) + 1;
  H5Tclose(type);
  H5Aclose(attr);
  return size;
}

static bool get_text(hid_t object, const char *name, char *value, size_t size) {
  hid_t type = text_type(size);
  bool read = get(object, name, H5T_STRING, type, 1, value);
  H5Tclose(type);
  return read;
}

bool h5_get_text(hid_t object, const char *name, char *value, size_t size) {
  size_t found = text_size(object, name);
  return found && found - 1 <= size && get_text(object, name, value, size);
}

char *h5_get_long_text(hid_t object, const char *name) {
  size_t size = text_size(object, name);
  if (!size) return NULL;
  char *value = MEM_NEW(char, "text of a file", size);
  if (!get_text(object, name, value, size)) mem_free(&value);
  return value;
}

/* The text of a scalar dataset of fixed-length text; NULL. */
static char *read_document(hid_t set, hid_t stored, hid_t space) {
  if (H5Tget_class(stored) != H5T_STRING || H5Tis_variable_str(stored) > 0 ||
      H5Sget_simple_extent_npoints(space) != 1)
    return NULL;
  size_t size = H5Tget_size(stored) + 1;
  if (size > DOCUMENT_LIMIT) return NULL;
  hid_t type = text_type(size);
  char *text = MEM_NEW(char, "text of a file", size);
  if (H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, text) < 0) mem_free(&text);
  H5Tclose(type);
  return text;
}

char *h5_get_document(hid_t parent, const char *name) {
  hid_t set = h5_find(parent, name);
  char *text = NULL;
  if (set >= 0 && H5Iget_type(set) == H5I_DATASET) {
    hid_t stored = H5Dget_type(set), space = H5Dget_space(set);
    text = read_document(set, stored, space);
    H5Sclose(space);
    H5Tclose(stored);
  }
  h5_close(set);
  return text;
}

bool h5_get_int(hid_t object, const char *name, long *value) {
  return h5_get_ints(object, name, value, 1);
}

bool h5_get_ints(hid_t object, const char *name, long *value, int n) {
  return get(object, name, H5T_INTEGER, H5T_NATIVE_LONG, n, value);
}

bool h5_get_real(hid_t object, const char *name, double *value) {
  return get(object, name, H5T_FLOAT, H5T_NATIVE_DOUBLE, 1, value);
}

void h5_close(hid_t object) {
  if (object < 0) return;
  if (H5Iget_type(object) == H5I_FILE)
    H5Fclose(object);
  else
    H5Oclose(object);
}
