/* Writing the lean layout. Rank 0 holds the HDF5 file and makes room in it; the addresses of that
 * room go to all ranks, which write their rows there. How many values there will be is known only
 * at the end, so the arrays of values grow by chunks; those of rows are one piece.
 *
 * HDF5 does not survive a full disk: a file whose last write fails can not be closed any more. So
 * all that HDF5 itself will ever write gets its room on the disk at the beginning: the index of
 * chunks is of fixed size (the most values there can be), attributes are made before the first
 * row and only overwritten later, and the file is lengthened before HDF5 counts on it. */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "io/facts.h"
#include "io/hdf.h"
#include "io/outfile.h"
#include "lean_columns.h"

struct LeanWriter {
  const Comm *comm;
  LeanSpec spec;
  OutFile out;
  hid_t file, data[LEAN_COLUMNS]; /* rank 0 only */
  bool failed;                    /* rank 0: something in HDF5 went wrong */
  bool begun;                     /* rank 0: all that HDF5 writes has its room on the disk */
  int64_t length;                 /* rank 0: the file was lengthened to this */
  long chunk;                     /* values of a chunk */
  long chunks, chunks_room;       /* chunks there are in each array of values; room in place */
  int64_t *place[LEAN_COLUMNS];   /* address of each chunk; of the one piece */
  long rows, values;              /* written so far by all ranks */
  long most;                      /* rows of one append */
  int64_t *offset;                /* (most + 1) of the rows at hand */
  void *packed[LEAN_COLUMNS];     /* (most * slots or pixels) values at hand */
};

static bool is_first(const LeanWriter *w) { return comm_rank(w->comm) == 0; }

/* Attributes. */

static bool note(hid_t where, const char *name, hid_t type, const void *value) {
  hid_t space = H5Screate(H5S_SCALAR);
  hid_t attr = H5Aexists(where, name) > 0
                   ? H5Aopen(where, name, H5P_DEFAULT)
                   : H5Acreate2(where, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
  bool done = attr >= 0 && H5Awrite(attr, type, value) >= 0;
  if (attr >= 0) H5Aclose(attr);
  H5Sclose(space);
  return done;
}

static bool note_text(hid_t where, const char *name, const char *text) {
  hid_t type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, strlen(text) + 1);
  H5Tset_cset(type, H5T_CSET_UTF8);
  bool done = note(where, name, type, text);
  H5Tclose(type);
  return done;
}

void lean_note_text(LeanWriter *w, const char *name, const char *text) {
  if (is_first(w)) w->failed |= !note_text(w->file, name, text);
}

void lean_note_number(LeanWriter *w, const char *name, double number) {
  if (is_first(w)) w->failed |= !note(w->file, name, H5T_NATIVE_DOUBLE, &number);
}

/* Rank 0 makes the file. */

static long values_of_row(const LeanSpec *spec) {
  return spec->layout == LEAN_JETS ? spec->slots : lean_dim(spec);
}

/* Bytes of one value, or of one row, in all arrays together. */
static int64_t bytes_of(const LeanSpec *spec, bool per_value) {
  int64_t bytes = 0;
  for (int c = 0; c < LEAN_COLUMNS; c++)
    if (lean_has(spec, c) && lean_about[c].per_value == per_value)
      bytes += (int64_t)lean_about[c].bytes;
  return bytes;
}

/* What HDF5 itself writes: headers, attributes and provenance, and 8 bytes for each chunk that
 * may come. */
static int64_t metadata_of(const LeanWriter *w) {
  int64_t chunks = w->spec.rows * values_of_row(&w->spec) / w->chunk + 1;
  return (1 << 14) + 2 * 8 * chunks * 9 / 8 + facts_size(provenance_facts());
}

static hid_t layout_of(const LeanWriter *w, LeanColumn column) {
  const LeanAbout *about = &lean_about[column];
  hsize_t chunk[2] = {(hsize_t)w->chunk, (hsize_t)about->width};
  hid_t dcpl = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_obj_track_times(dcpl, 0);
  if (about->per_value) H5Pset_chunk(dcpl, about->width > 1 ? 2 : 1, chunk);
  H5Pset_alloc_time(dcpl, about->per_value ? H5D_ALLOC_TIME_INCR : H5D_ALLOC_TIME_EARLY);
  H5Pset_fill_time(dcpl, H5D_FILL_TIME_NEVER);
  return dcpl;
}

/* No rows and few values are possible; a chunk must fit. */
static long values_most(const LeanWriter *w) {
  long most = w->spec.rows * values_of_row(&w->spec);
  return most > w->chunk ? most : w->chunk;
}

static hid_t space_of(const LeanWriter *w, LeanColumn column) {
  bool grows = lean_about[column].per_value;
  hsize_t rows = (hsize_t)w->spec.rows + (column == LEAN_OFFSET);
  hsize_t width = (hsize_t)lean_about[column].width;
  hsize_t now[2] = {grows ? 0 : rows, width};
  hsize_t most[2] = {grows ? (hsize_t)values_most(w) : rows, width};
  return H5Screate_simple(width > 1 ? 2 : 1, now, most);
}

/* Chunks never lie in HDF5's cache: other ranks write them. */
static bool make_column(LeanWriter *w, LeanColumn column) {
  const LeanAbout *about = &lean_about[column];
  hid_t space = space_of(w, column), dcpl = layout_of(w, column);
  hid_t dapl = H5Pcreate(H5P_DATASET_ACCESS);
  H5Pset_chunk_cache(dapl, 0, 0, 0);
  hid_t data =
      H5Dcreate2(w->file, about->name, lean_type(column), space, H5P_DEFAULT, dcpl, dapl);
  H5Pclose(dapl), H5Pclose(dcpl), H5Sclose(space);
  w->data[column] = data;
  if (data < 0) return false;
  if (!about->per_value) w->place[column][0] = (int64_t)H5Dget_offset(data);
  return note_text(data, "about", about->about) && note_text(data, "unit", about->unit) &&
         note_text(data, "dimensions", about->dimensions);
}

/* Metadata lie together at the beginning; the index of chunks is of fixed size in the latest
 * format. */
static hid_t create(const LeanWriter *w) {
  hid_t fapl = hdf_access();
  H5Pset_libver_bounds(fapl, H5F_LIBVER_LATEST, H5F_LIBVER_LATEST);
  H5Pset_meta_block_size(fapl, (hsize_t)metadata_of(w));
  hid_t file = H5Fcreate(w->out.temporary, H5F_ACC_TRUNC, H5P_DEFAULT, fapl);
  H5Pclose(fapl);
  return file;
}

static bool make_arrays(LeanWriter *w) {
  const int version = LEAN_VERSION;
  const double shape[3] = {w->spec.shape[0], w->spec.shape[1], w->spec.shape[2]};
  lean_note_text(w, "format", LEAN_FORMAT);
  w->failed |= !note(w->file, "version", H5T_NATIVE_INT, &version);
  lean_note_text(w, "layout", w->spec.layout == LEAN_JETS ? "jets" : "pixels");
  lean_note_number(w, "rows", (double)w->spec.rows);
  if (w->spec.layout == LEAN_JETS)
    lean_note_number(w, "slots", w->spec.slots);
  else
    for (int i = 0; i < 3; i++)
      lean_note_number(w, (const char *[]){"channels", "height", "width"}[i], shape[i]);
  for (int c = 0; c < LEAN_COLUMNS; c++)
    if (lean_has(&w->spec, c) && !make_column(w, c)) return false;
  return facts_put(w->file, provenance_facts()) && !w->failed;
}

static Err lengthen(LeanWriter *w, int64_t bytes) {
  w->length += bytes;
  return outfile_reserve(&w->out, 0, w->length);
}

/* Room before HDF5 sees the file, and again because HDF5 begins with an empty one. */
static Err make_file(LeanWriter *w) {
  int64_t metadata = metadata_of(w);
  w->length = 2 * metadata + (w->spec.rows + 64) * bytes_of(&w->spec, false);
  TRY(outfile_reserve(&w->out, metadata, w->length));
  errno = 0;
  w->file = create(w);
  if (w->file < 0) return outfile_error(&w->out);
  TRY(outfile_reserve(&w->out, metadata, w->length));
  return make_arrays(w) ? OK : outfile_error(&w->out);
}

/* HDF5 gives a chunk its place when it is written to: one value, soon overwritten. */
static bool place_chunk(LeanWriter *w, LeanColumn column, long i) {
  static const char zero[16];
  hsize_t at[2] = {(hsize_t)(i * w->chunk), 0}, one[2] = {1, 1}, size;
  int rank = lean_about[column].width > 1 ? 2 : 1;
  haddr_t address = HADDR_UNDEF;
  unsigned mask;
  hid_t space = H5Dget_space(w->data[column]), memory = H5Screate_simple(rank, one, NULL);
  H5Sselect_hyperslab(space, H5S_SELECT_SET, at, NULL, one, NULL);
  bool done = H5Dwrite(w->data[column], lean_type(column), memory, space, H5P_DEFAULT, zero) >= 0;
  H5Sclose(memory), H5Sclose(space);
  done = done && H5Dget_chunk_info_by_coord(w->data[column], at, &mask, &address, &size) >= 0 &&
         address != HADDR_UNDEF;
  w->place[column][i] = (int64_t)address;
  return done;
}

/* Room for `values` values in all: a longer array, and where its new chunks lie. */
static bool extend(LeanWriter *w, LeanColumn column, long values, long chunks) {
  hsize_t dims[2] = {(hsize_t)values, (hsize_t)lean_about[column].width};
  if (H5Dset_extent(w->data[column], dims) < 0) return false;
  for (long i = w->chunks; i < chunks; i++)
    if (!place_chunk(w, column, i)) return false;
  return true;
}

static void make_place(LeanWriter *w, long chunks) {
  if (chunks <= w->chunks_room) return;
  long room = 2 * chunks;
  for (int c = 0; c < LEAN_COLUMNS; c++) {
    if (!lean_has(&w->spec, c) || !lean_about[c].per_value) continue;
    int64_t *place = MEM_NEW(int64_t, "chunk addresses", room);
    if (w->chunks) memcpy(place, w->place[c], (size_t)w->chunks * sizeof *place);
    mem_free(&w->place[c]);
    w->place[c] = place;
  }
  w->chunks_room = room;
}

static Err extend_all(LeanWriter *w, long values, long chunks) {
  TRY(lengthen(w, (chunks - w->chunks) * w->chunk * bytes_of(&w->spec, true)));
  errno = 0;
  for (int c = 0; c < LEAN_COLUMNS; c++)
    if (lean_has(&w->spec, c) && lean_about[c].per_value && !extend(w, c, values, chunks))
      return outfile_error(&w->out);
  return OK;
}

/* The first chunk brings the whole index with it; then all that HDF5 has goes to the disk. */
static Err begin(LeanWriter *w) {
  if (w->begun) return OK;
  TRY(extend_all(w, 1, 1));
  errno = 0;
  if (w->failed || H5Fflush(w->file, H5F_SCOPE_LOCAL) < 0) return outfile_error(&w->out);
  w->begun = true;
  return lengthen(w, 0);
}

/* Collective. */
static Err grow(LeanWriter *w, long values) {
  long chunks = (values + w->chunk - 1) / w->chunk, fresh = chunks - w->chunks;
  make_place(w, chunks + 1);
  Err e = is_first(w) ? begin(w) : OK;
  if (!e && is_first(w)) e = extend_all(w, values, chunks);
  TRY(comm_agree(w->comm, e));
  for (int c = 0; c < LEAN_COLUMNS && fresh > 0; c++)
    if (lean_has(&w->spec, c) && lean_about[c].per_value)
      comm_broadcast(w->comm, w->place[c] + w->chunks, (size_t)fresh * sizeof(int64_t), 0);
  w->chunks = chunks;
  return OK;
}

/* Every rank writes. */

/* Elements from .. from + n - 1 of a column. */
static Err put(const LeanWriter *w, LeanColumn column, const void *data, long from, long n) {
  size_t item = lean_about[column].bytes;
  const char *bytes = data;
  if (!lean_about[column].per_value)
    return outfile_put(&w->out, bytes, (size_t)n * item,
                       w->place[column][0] + from * (int64_t)item);
  while (n > 0) {
    long i = from / w->chunk, inside = from % w->chunk;
    long part = n < w->chunk - inside ? n : w->chunk - inside;
    TRY(outfile_put(&w->out, bytes, (size_t)part * item,
                    w->place[column][i] + inside * (int64_t)item));
    bytes += (size_t)part * item, from += part, n -= part;
  }
  return OK;
}

static bool slot_filled(const float p[4]) {
  return p[0] != 0 || p[1] != 0 || p[2] != 0 || p[3] != 0;
}

/* Filled slots of the rows one after the other; offset counts from 0. */
static void pack_jets(LeanWriter *w, const LeanRows *rows) {
  float *momentum = w->packed[LEAN_MOMENTUM], *energy = w->packed[LEAN_ENERGY];
  long n = 0;
  for (long row = 0; row < rows->rows; row++) {
    const float *p4 = rows->p4 + row * w->spec.slots * 4;
    int count = w->spec.slots;
    while (count > 0 && !slot_filled(p4 + 4 * (count - 1))) count--;
    for (int i = 0; i < count; i++, n++) {
      memcpy(momentum + 3 * n, p4 + 4 * i + 1, 3 * sizeof *momentum);
      if (energy) energy[n] = p4[4 * i];
    }
    w->offset[row + 1] = n;
  }
}

static void pack_pixels(LeanWriter *w, const LeanRows *rows) {
  uint16_t *pixel = w->packed[LEAN_PIXEL];
  float *value = w->packed[LEAN_VALUE];
  long n = 0, dim = lean_dim(&w->spec);
  for (long row = 0; row < rows->rows; row++) {
    const float *x = rows->x + row * dim;
    for (long i = 0; i < dim; i++)
      if (x[i] != 0) pixel[n] = (uint16_t)i, value[n++] = x[i];
    w->offset[row + 1] = n;
  }
}

/* The rows and values of all ranks in this append, and those of the ranks before this one. */
typedef struct Share {
  long rows, values, rows_before, values_before;
} Share;

static Share share_out(const LeanWriter *w, long rows, long values) {
  int size = comm_size(w->comm), rank = comm_rank(w->comm);
  int64_t *count = MEM_NEW(int64_t, "counts of an append", 2 * size);
  Share share = {0};
  count[2 * rank] = rows, count[2 * rank + 1] = values;
  comm_sum_i64(w->comm, count, 2 * (size_t)size);
  for (int r = 0; r < size; r++) {
    if (r < rank) share.rows_before += count[2 * r], share.values_before += count[2 * r + 1];
    share.rows += count[2 * r], share.values += count[2 * r + 1];
  }
  mem_free(&count);
  return share;
}

static Err put_rows(LeanWriter *w, const LeanRows *rows, long first_row, long first_value) {
  const void *data[LEAN_COLUMNS] = {
      [LEAN_LABEL] = rows->label,   [LEAN_WEIGHT] = rows->weight, [LEAN_TRUTH] = rows->truth,
      [LEAN_MASS] = rows->mass_gev, [LEAN_OFFSET] = w->offset,
  };
  long values = w->offset[rows->rows];
  for (long i = 0; i < rows->rows; i++) w->offset[i] += first_value;
  for (int c = 0; c < LEAN_COLUMNS && rows->rows; c++) {
    if (!lean_has(&w->spec, c)) continue;
    if (lean_about[c].per_value)
      TRY(put(w, c, w->packed[c], first_value, values));
    else
      TRY(put(w, c, data[c], first_row, rows->rows));
  }
  return OK;
}

Err lean_append(LeanWriter *w, const LeanRows *rows) {
  CHECK(rows->rows <= w->most, "%ld rows in one append, %ld at most", rows->rows, w->most);
  w->offset[0] = 0;
  if (w->spec.layout == LEAN_JETS)
    pack_jets(w, rows);
  else
    pack_pixels(w, rows);
  Share share = share_out(w, rows->rows, w->offset[rows->rows]);
  TRY(grow(w, w->values + share.values));
  Err e = put_rows(w, rows, w->rows + share.rows_before, w->values + share.values_before);
  w->rows += share.rows, w->values += share.values;
  return comm_agree(w->comm, e);
}

/* Begin and end. */

static void make_room(LeanWriter *w) {
  long width = values_of_row(&w->spec);
  w->offset = MEM_NEW(int64_t, "offsets at hand", w->most + 1);
  for (int c = 0; c < LEAN_COLUMNS; c++) {
    if (!lean_has(&w->spec, c)) continue;
    if (lean_about[c].per_value)
      w->packed[c] = mem_new("values at hand", (size_t)(w->most * width), lean_about[c].bytes);
    else
      w->place[c] = MEM_NEW(int64_t, "address", 1);
  }
  /* At most a few hundred chunks, and little room lost in the last. */
  for (w->chunk = 256; w->chunk < w->spec.rows / 4 && w->chunk < 1 << 20;) w->chunk *= 2;
}

static void writer_free(LeanWriter **writer) {
  LeanWriter *w = *writer;
  for (int c = 0; c < LEAN_COLUMNS; c++) mem_free(&w->packed[c]), mem_free(&w->place[c]);
  mem_free(&w->offset);
  mem_free(writer);
}

Err lean_create(LeanWriter **writer, const Comm *comm, const char *path, const LeanSpec *spec,
                long most) {
  LeanWriter *w = *writer = MEM_NEW(LeanWriter, "lean writer", 1);
  *w = (LeanWriter){.comm = comm, .spec = *spec, .file = -1, .most = most};
  for (int c = 0; c < LEAN_COLUMNS; c++) w->data[c] = -1;
  outfile_init(&w->out, comm, path);
  make_room(w);
  Err e = comm_agree(comm, is_first(w) ? make_file(w) : OK);
  for (int c = 0; c < LEAN_COLUMNS && !e; c++)
    if (lean_has(spec, c) && !lean_about[c].per_value)
      comm_broadcast(comm, w->place[c], sizeof(int64_t), 0);
  if (!e) e = comm_agree(comm, outfile_open(&w->out));
  return e ? lean_finish(writer, e) : OK;
}

/* Rank 0: the last offset, and everything that HDF5 still holds. */
static Err close_file(LeanWriter *w, Err e) {
  int64_t end = w->values;
  if (!e) e = put(w, LEAN_OFFSET, &end, w->rows, 1);
  errno = 0;
  for (int c = 0; c < LEAN_COLUMNS; c++)
    if (w->data[c] >= 0) w->failed |= H5Dclose(w->data[c]) < 0;
  if (w->file >= 0) w->failed |= H5Fclose(w->file) < 0;
  return !e && w->failed ? outfile_error(&w->out) : e;
}

Err lean_finish(LeanWriter **writer, Err e) {
  LeanWriter *w = *writer;
  CHECK(e || w->rows == w->spec.rows, "%ld rows written of %ld", w->rows, w->spec.rows);
  if (is_first(w)) e = close_file(w, e);
  e = outfile_finish(&w->out, e);
  writer_free(writer);
  return e;
}
