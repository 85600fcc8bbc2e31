/* Checkpoints. Rank 0 makes the file, with room for every field; then every rank writes what it
 * owns at the field's address, and rank 0 the end marker. Reading goes the same way. */
#include "io/checkpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <hdf5.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/facts.h"
#include "io/hdf.h"
#include "io/outfile.h"

enum { FIELDS_MOST = 128 };
static const char end_mark[8] = "JETNAE.";

/* Where a field lies in a file and what it must look like. */
typedef struct Place {
  int64_t address; /* bytes from the start of the file; -1: empty field */
  int64_t checksum;
} Place;

typedef struct Layout {
  Place field[FIELDS_MOST];
  int64_t end_address;
} Layout;

static size_t element_size(FieldType type) {
  static const size_t size[] = {4, 8, 4, 8, 4, 1};
  return size[type];
}

static hid_t file_type(FieldType type) {
  const hid_t h5[] = {H5T_IEEE_F32LE, H5T_IEEE_F64LE, H5T_STD_I32LE,
                      H5T_STD_I64LE,  H5T_STD_U32LE,  H5T_STD_U8LE};
  return h5[type];
}

/* The rows that this rank reads and writes: its own, or all of them on rank 0. */
static Range rows_here(const Comm *comm, const Field *field) {
  if (field->spread) return field->mine;
  return (Range){0, comm_rank(comm) == 0 ? field->rows : 0};
}

/* Checksums: a sum of hashes of (position, bits), so that ranks may add their parts in any order.
 */

static uint64_t mix(uint64_t x) {
  x ^= x >> 30;
  x *= 0xbf58476d1ce4e5b9u;
  x ^= x >> 27;
  x *= 0x94d049bb133111ebu;
  return x ^ x >> 31;
}

static int64_t field_checksum(const Comm *comm, const Field *field) {
  Range rows = rows_here(comm, field);
  size_t size = element_size(field->type), n = (size_t)((rows.to - rows.from) * field->row);
  uint64_t first = (uint64_t)(rows.from * field->row), sum = 0;
  const char *data = field->data;
  for (size_t i = 0; i < n; i++) {
    uint64_t bits = 0;
    memcpy(&bits, data + i * size, size);
    sum += mix(bits + mix(first + i + 1));
  }
  return (int64_t)sum;
}

static void field_checksums(const Comm *comm, const Field *field, int n, int64_t *sum) {
  for (int i = 0; i < n; i++) sum[i] = field_checksum(comm, &field[i]);
  comm_sum_i64(comm, sum, (size_t)n);
}

/* Making the file. */

static int write_attribute(hid_t where, const char *name, hid_t type, const void *value) {
  hid_t space = H5Screate(H5S_SCALAR);
  hid_t attr = H5Acreate2(where, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
  herr_t status = attr < 0 ? -1 : H5Awrite(attr, type, value);
  if (attr >= 0) H5Aclose(attr);
  H5Sclose(space);
  return status < 0 ? -1 : 0;
}

static int write_text(hid_t where, const char *name, const char *text) {
  hid_t type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, strlen(text) + 1);
  H5Tset_cset(type, H5T_CSET_UTF8);
  int status = write_attribute(where, name, type, text);
  H5Tclose(type);
  return status;
}

/* Long text as a data set: attributes hold 64 kB at most. */
static int write_long_text(hid_t file, const char *name, const char *text) {
  hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
  hid_t dcpl = H5Pcreate(H5P_DATASET_CREATE);
  H5Tset_size(type, strlen(text) + 1);
  H5Pset_obj_track_times(dcpl, 0);
  hid_t data = H5Dcreate2(file, name, type, space, H5P_DEFAULT, dcpl, H5P_DEFAULT);
  int status = data < 0 ? -1 : H5Dwrite(data, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, text);
  if (data >= 0) H5Dclose(data);
  H5Pclose(dcpl), H5Sclose(space), H5Tclose(type);
  return status < 0 ? -1 : 0;
}

/* A contiguous data set with its room taken and nothing written; its address, -1 when it is
 * empty. */
static int make_room(hid_t file, const char *name, hid_t type, const hsize_t dims[2], int rank,
                     const int64_t *checksum, int64_t *address) {
  hid_t space = H5Screate_simple(rank, dims, NULL), lcpl = H5Pcreate(H5P_LINK_CREATE);
  hid_t dcpl = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_create_intermediate_group(lcpl, 1);
  H5Pset_obj_track_times(dcpl, 0);
  H5Pset_layout(dcpl, H5D_CONTIGUOUS);
  H5Pset_alloc_time(dcpl, H5D_ALLOC_TIME_EARLY);
  H5Pset_fill_time(dcpl, H5D_FILL_TIME_NEVER);
  hid_t data = H5Dcreate2(file, name, type, space, lcpl, dcpl, H5P_DEFAULT);
  int status = data < 0 ? -1 : 0;
  if (data >= 0) {
    haddr_t offset = H5Dget_offset(data);
    *address = offset == HADDR_UNDEF ? -1 : (int64_t)offset;
    if (checksum) status = write_attribute(data, "checksum", H5T_STD_I64LE, checksum);
    H5Dclose(data);
  }
  H5Pclose(dcpl), H5Pclose(lcpl), H5Sclose(space);
  return status;
}

static int make_fields(hid_t file, const Field *field, int n, Layout *layout) {
  for (int i = 0; i < n; i++) {
    char name[128];
    hsize_t dims[2] = {(hsize_t)field[i].rows, (hsize_t)field[i].row};
    snprintf(name, sizeof name, "state/%s", field[i].name);
    if (make_room(file, name, file_type(field[i].type), dims, field[i].row > 1 ? 2 : 1,
                  &layout->field[i].checksum, &layout->field[i].address))
      return -1;
  }
  hsize_t mark[2] = {sizeof end_mark, 1};
  return make_room(file, "end", H5T_STD_U8LE, mark, 1, NULL, &layout->end_address);
}

/* More than what HDF5 writes itself: its own structures, which lie together at the beginning, and
 * the configuration, the first data after them. */
static int64_t metadata_size(const Field *field, int n, const Fact *facts) {
  enum { BASE = 1 << 14, PER_NAME = 512 };
  int64_t size = BASE;
  for (int i = 0; i < n; i++) size += PER_NAME + 2 * (int64_t)strlen(field[i].name);
  return size + facts_size(facts);
}

static int64_t data_size(const Field *field, int n) {
  int64_t size = sizeof end_mark;
  for (int i = 0; i < n; i++)
    size += (int64_t)field[i].rows * field[i].row * (int64_t)element_size(field[i].type);
  return size;
}

static hid_t create(const char *path, int64_t metadata) {
  hid_t fapl = hdf_access();
  /* The latest format has checksums on its own structures. */
  H5Pset_libver_bounds(fapl, H5F_LIBVER_LATEST, H5F_LIBVER_LATEST);
  H5Pset_meta_block_size(fapl, (hsize_t)metadata);
  hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, fapl);
  H5Pclose(fapl);
  return file;
}

static int fill_file(hid_t file, const Field *field, int n, const char *config, const Fact *facts,
                     Layout *layout) {
  const int32_t format = CHECKPOINT_FORMAT;
  int status = write_text(file, "format", CHECKPOINT_NAME);
  if (!status) status = write_attribute(file, "format_version", H5T_STD_I32LE, &format);
  if (!status) status = write_long_text(file, "config", config);
  if (!status && !facts_put(file, facts)) status = -1;
  if (!status) status = make_fields(file, field, n, layout);
  return status;
}

/* Room before HDF5 sees the file, and again because HDF5 begins with an empty one. */
static Err make_file(OutFile *out, const Field *field, int n, const char *config,
                     const Fact *facts, Layout *layout) {
  int64_t metadata = metadata_size(field, n, facts);
  int64_t taken = 2 * metadata + (int64_t)strlen(config), length = taken + data_size(field, n);
  TRY(outfile_reserve(out, taken, length));
  errno = 0;
  hid_t file = create(out->temporary, metadata);
  if (file < 0) return outfile_error(out);
  Err e = outfile_reserve(out, taken, length);
  if (!e && fill_file(file, field, n, config, facts, layout)) e = outfile_error(out);
  return H5Fclose(file) < 0 && !e ? outfile_error(out) : e;
}

/* Bytes. */

static Err put_bytes(int fd, const char *path, const void *data, size_t n, int64_t at) {
  const char *bytes = data;
  while (n > 0) {
    ssize_t done = pwrite(fd, bytes, n, at);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return err_user("%s: cannot write: %s", path, strerror(errno));
    bytes += done, at += done, n -= (size_t)done;
  }
  return OK;
}

static Err get_bytes(int fd, const char *path, void *data, size_t n, int64_t at) {
  char *bytes = data;
  while (n > 0) {
    ssize_t done = pread(fd, bytes, n, at);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return err_user("%s: cannot read: %s", path, strerror(errno));
    if (done == 0) return err_user("%s: the file ends too early; it is damaged", path);
    bytes += done, at += done, n -= (size_t)done;
  }
  return OK;
}

typedef Err (*MoveBytes)(int fd, const char *path, void *data, size_t n, int64_t at);

static Err put_rows(int fd, const char *path, void *data, size_t n, int64_t at) {
  return put_bytes(fd, path, data, n, at);
}

/* Move this rank's rows of all fields between memory and file. */
static Err move_fields(const Comm *comm, int fd, const char *path, const Field *field, int n,
                       const Layout *layout, MoveBytes move) {
  for (int i = 0; i < n; i++) {
    Range rows = rows_here(comm, &field[i]);
    int64_t row_bytes = field[i].row * (int64_t)element_size(field[i].type);
    int64_t bytes = (rows.to - rows.from) * row_bytes;
    if (bytes == 0) continue;
    if (layout->field[i].address < 0)
      return err_user("%s: %s has no room in the file; it is damaged", path, field[i].name);
    TRY(move(fd, path, field[i].data, (size_t)bytes,
             layout->field[i].address + rows.from * row_bytes));
  }
  return OK;
}

static bool has_rows(const Comm *comm, const Field *field, int n) {
  for (int i = 0; i < n; i++) {
    Range rows = rows_here(comm, &field[i]);
    if (rows.to > rows.from && field[i].row > 0) return true;
  }
  return false;
}

static Err write_mine(const Comm *comm, const char *path, const Field *field, int n,
                      const Layout *layout) {
  if (!has_rows(comm, field, n)) return OK;
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return err_user("%s: cannot write: %s", path, strerror(errno));
  Err e = move_fields(comm, fd, path, field, n, layout, put_rows);
  if (!e && fsync(fd)) e = err_user("%s: cannot write: %s", path, strerror(errno));
  if (close(fd) && !e) e = err_user("%s: cannot write: %s", path, strerror(errno));
  return e;
}

static Err write_end(const char *path, const Layout *layout) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return err_user("%s: cannot write: %s", path, strerror(errno));
  Err e = put_bytes(fd, path, end_mark, sizeof end_mark, layout->end_address);
  if (!e && fsync(fd)) e = err_user("%s: cannot write: %s", path, strerror(errno));
  close(fd);
  return e;
}

static Err commit(const char *temporary, const char *path, const Layout *layout, Fence fence) {
  TRY(write_end(temporary, layout));
  if (fence.pass) TRY(fence.pass(fence.self));
  return outfile_rename(temporary, path);
}

Err checkpoint_save(const Comm *comm, const char *path, const Field *field, int n,
                    const char *config, const Fact *facts, Fence fence) {
  Layout layout = {.end_address = -1};
  int64_t sum[FIELDS_MOST];
  OutFile out;
  bool first = comm_rank(comm) == 0;
  Err e = OK;
  CHECK(n <= FIELDS_MOST, "too many fields in a checkpoint");
  outfile_init(&out, comm, path);
  snprintf(out.temporary, sizeof out.temporary, "%s.%" PRId64 ".part", path, fence.run_epoch);
  field_checksums(comm, field, n, sum);
  for (int i = 0; i < n; i++) layout.field[i].checksum = sum[i];
  if (first) e = make_file(&out, field, n, config, facts, &layout);
  e = comm_agree(comm, e);
  if (!e) {
    comm_broadcast(comm, &layout, sizeof layout, 0);
    e = comm_agree(comm, write_mine(comm, out.temporary, field, n, &layout));
  }
  if (!e) e = comm_agree(comm, first ? commit(out.temporary, path, &layout, fence) : OK);
  if (e && first) unlink(out.temporary);
  return e;
}

/* Reading. */

static int64_t read_checksum(hid_t data) {
  int64_t sum = 0;
  hid_t attr = H5Aopen(data, "checksum", H5P_DEFAULT);
  if (attr < 0) return 0;
  H5Aread(attr, H5T_NATIVE_INT64, &sum);
  H5Aclose(attr);
  return sum;
}

/* Address and checksum of a data set that has `elements` elements of the type. */
static Err find_field(hid_t file, const char *path, const char *name, hid_t type,
                      int64_t elements, Place *place) {
  hid_t data = H5Dopen2(file, name, H5P_DEFAULT);
  if (data < 0) return err_user("%s: /%s is missing or damaged", path, name);
  hid_t space = H5Dget_space(data), have = H5Dget_type(data);
  bool fits = H5Sget_simple_extent_npoints(space) == elements && H5Tequal(have, type) > 0;
  haddr_t offset = H5Dget_offset(data);
  *place = (Place){offset == HADDR_UNDEF ? -1 : (int64_t)offset, read_checksum(data)};
  H5Tclose(have), H5Sclose(space), H5Dclose(data);
  if (!fits)
    return err_user("%s: /%s has another size or type than this run wants (%" PRId64 ")", path,
                    name, elements);
  return OK;
}

static Err find_fields(hid_t file, const char *path, const Field *field, int n, Layout *layout) {
  Place end;
  for (int i = 0; i < n; i++) {
    char name[128];
    snprintf(name, sizeof name, "state/%s", field[i].name);
    TRY(find_field(file, path, name, file_type(field[i].type),
                   (int64_t)field[i].rows * field[i].row, &layout->field[i]));
  }
  TRY(find_field(file, path, "end", H5T_STD_U8LE, sizeof end_mark, &end));
  layout->end_address = end.address;
  return OK;
}

static Err check_format(hid_t file, const char *path) {
  int32_t format = -1;
  hid_t attr = H5Aopen(file, "format_version", H5P_DEFAULT);
  if (attr >= 0) {
    H5Aread(attr, H5T_NATIVE_INT32, &format);
    H5Aclose(attr);
  }
  if (format == CHECKPOINT_FORMAT) return OK;
  return err_user("%s: checkpoint format: found %d, want %d", path, format, CHECKPOINT_FORMAT);
}

static Err read_layout(const char *path, const Field *field, int n, Layout *layout) {
  if (access(path, R_OK)) return err_user("%s: cannot read: %s", path, strerror(errno));
  hid_t access = hdf_access(), file = H5Fopen(path, H5F_ACC_RDONLY, access);
  H5Pclose(access);
  if (file < 0) return err_user("%s: not an HDF5 file, truncated or damaged", path);
  Err e = check_format(file, path);
  if (!e) e = find_fields(file, path, field, n, layout);
  H5Fclose(file);
  return e;
}

static Err check_end(int fd, const char *path, const Layout *layout) {
  char mark[sizeof end_mark] = {0};
  if (layout->end_address >= 0) TRY(get_bytes(fd, path, mark, sizeof mark, layout->end_address));
  if (!memcmp(mark, end_mark, sizeof mark)) return OK;
  return err_user("%s: the end marker is missing; the file was not finished", path);
}

static Err read_mine(const Comm *comm, const char *path, const Field *field, int n,
                     const Layout *layout) {
  if (comm_rank(comm) > 0 && !has_rows(comm, field, n)) return OK;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return err_user("%s: cannot read: %s", path, strerror(errno));
  Err e = comm_rank(comm) == 0 ? check_end(fd, path, layout) : OK;
  if (!e) e = move_fields(comm, fd, path, field, n, layout, get_bytes);
  close(fd);
  return e;
}

static Err verify(const Comm *comm, const char *path, const Field *field, int n,
                  const Layout *layout) {
  int64_t sum[FIELDS_MOST];
  field_checksums(comm, field, n, sum);
  for (int i = 0; i < n; i++)
    if (sum[i] != layout->field[i].checksum)
      return err_user("%s: checksum of /state/%s does not fit; the file is damaged", path,
                      field[i].name);
  return OK;
}

Err checkpoint_load(const Comm *comm, const char *path, Field *field, int n) {
  Layout layout = {.end_address = -1};
  Err e = OK;
  CHECK(n <= FIELDS_MOST, "too many fields in a checkpoint");
  if (comm_rank(comm) == 0) e = read_layout(path, field, n, &layout);
  TRY(comm_agree(comm, e));
  comm_broadcast(comm, &layout, sizeof layout, 0);
  TRY(comm_agree(comm, read_mine(comm, path, field, n, &layout)));
  TRY(comm_agree(comm, verify(comm, path, field, n, &layout)));
  for (int i = 0; i < n; i++)
    if (!field[i].spread)
      comm_broadcast(comm, field[i].data,
                     (size_t)(field[i].rows * field[i].row) * element_size(field[i].type), 0);
  return OK;
}
