/* Reading the lean layout: the addresses of all chunks are taken at opening, rows are read from
 * there and spread out again. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/chunks.h"
#include "io/hdf.h"
#include "lean_columns.h"

struct Lean {
  LeanSpec spec;
  char path[1024];
  hid_t file;
  long values;
  Chunks column[LEAN_COLUMNS]; /* those that the file has */
};

LeanSpec lean_spec(const Lean *lean) { return lean->spec; }

static bool has_format(hid_t file) {
  char text[64] = "";
  hid_t attr = H5Aexists(file, "format") > 0 ? H5Aopen(file, "format", H5P_DEFAULT) : -1;
  if (attr < 0) return false;
  hid_t type = H5Aget_type(attr);
  if (H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) == 0 &&
      H5Tget_size(type) < sizeof text)
    H5Aread(attr, type, text);
  H5Tclose(type), H5Aclose(attr);
  return !strcmp(text, LEAN_FORMAT);
}

bool lean_knows(const char *path) {
  hid_t file;
  if (!hdf_signature(path) || hdf_open(&file, path)) return err_clear(), false;
  bool known = has_format(file);
  H5Fclose(file);
  return known;
}

double lean_number(const Lean *lean, const char *name, double otherwise) {
  double number = otherwise;
  hid_t attr = H5Aexists(lean->file, name) > 0 ? H5Aopen(lean->file, name, H5P_DEFAULT) : -1;
  if (attr < 0) return otherwise;
  hid_t space = H5Aget_space(attr);
  if (H5Sget_simple_extent_npoints(space) != 1 || H5Aread(attr, H5T_NATIVE_DOUBLE, &number) < 0)
    number = otherwise;
  H5Sclose(space), H5Aclose(attr);
  return number;
}

/* A whole number in low .. high; -1 for anything else. */
static long whole(const Lean *lean, const char *name, long low, long high) {
  double number = lean_number(lean, name, -1);
  return number >= low && number <= high && number == floor(number) ? (long)number : -1;
}

static Err read_header(Lean *lean) {
  LeanSpec *spec = &lean->spec;
  if (!has_format(lean->file))
    return err_user("%s: found another format, want a lean file (made by prepare or generate)",
                    lean->path);
  double version = lean_number(lean, "version", 0);
  if (version != LEAN_VERSION)
    return err_user("%s: found version %g of the lean layout, want %d; prepare it again",
                    lean->path, version, LEAN_VERSION);
  spec->rows = whole(lean, "rows", 0, 1l << 48);
  spec->slots = (int)whole(lean, "slots", 0, 1 << 16);
  spec->shape[0] = (int)whole(lean, "channels", 1, 1 << 16);
  spec->shape[1] = (int)whole(lean, "height", 1, 1 << 16);
  spec->shape[2] = (int)whole(lean, "width", 1, 1 << 16);
  spec->layout = H5Lexists(lean->file, lean_about[LEAN_PIXEL].name, H5P_DEFAULT) > 0 ? LEAN_PIXELS
                                                                                     : LEAN_JETS;
  spec->has_energy = H5Lexists(lean->file, lean_about[LEAN_ENERGY].name, H5P_DEFAULT) > 0;
  spec->has_label = H5Lexists(lean->file, lean_about[LEAN_LABEL].name, H5P_DEFAULT) > 0;
  spec->has_weight = H5Lexists(lean->file, lean_about[LEAN_WEIGHT].name, H5P_DEFAULT) > 0;
  spec->has_truth = H5Lexists(lean->file, lean_about[LEAN_TRUTH].name, H5P_DEFAULT) > 0;
  spec->has_mass = H5Lexists(lean->file, lean_about[LEAN_MASS].name, H5P_DEFAULT) > 0;
  bool sizes = spec->layout == LEAN_JETS ? spec->slots >= 0
                                         : spec->shape[0] > 0 && spec->shape[1] > 0 &&
                                               spec->shape[2] > 0 && lean_dim(spec) <= 1 << 16;
  if (spec->rows >= 0 && sizes) return OK;
  return err_user("%s: found a lean file without its sizes (rows, slots or channels, height, "
                  "width); it is damaged",
                  lean->path);
}

/* Values: 0 of them leave the arrays without chunks, and there is nothing to open. */
static Err open_column(Lean *lean, LeanColumn column) {
  const LeanAbout *about = &lean_about[column];
  Chunks *chunks = &lean->column[column];
  hid_t data;
  TRY(hdf_dataset(&data, lean->file, lean->path, about->name));
  hid_t space = H5Dget_space(data), type = H5Dget_type(data);
  long points = (long)H5Sget_simple_extent_npoints(space);
  bool same = H5Tequal(type, lean_type(column)) > 0;
  H5Sclose(space), H5Tclose(type);
  Err e = points > 0 ? chunks_open(chunks, data, lean->path, about->name) : OK;
  H5Dclose(data);
  if (e) return e;
  long rows = points / about->width, want = lean->spec.rows + (column == LEAN_OFFSET);
  if (about->per_value) {
    if (lean->values < 0) lean->values = rows;
    want = lean->values;
  }
  if (same && rows == want && (!points || chunks->row_bytes == about->bytes) && !chunks->filters)
    return OK;
  return err_user("%s: /%s: found %ld rows%s, want %ld as written by prepare; it is damaged",
                  lean->path, about->name, rows, same ? "" : " of another type", want);
}

Err lean_open(Lean **out, const char *path) {
  Lean *lean = *out = MEM_NEW(Lean, "open lean file", 1);
  snprintf(lean->path, sizeof lean->path, "%s", path);
  lean->file = -1;
  lean->values = -1;
  for (int c = 0; c < LEAN_COLUMNS; c++) lean->column[c].fd = -1;
  Err e = hdf_open(&lean->file, path);
  if (!e) e = read_header(lean);
  for (int c = 0; c < LEAN_COLUMNS && !e; c++)
    if (lean_has(&lean->spec, c)) e = open_column(lean, c);
  if (e) lean_close(out);
  return e;
}

void lean_close(Lean **out) {
  Lean *lean = *out;
  if (!lean) return;
  for (int c = 0; c < LEAN_COLUMNS; c++) chunks_close(&lean->column[c]);
  if (lean->file >= 0) H5Fclose(lean->file);
  mem_free(out);
}

static Err get_bytes(const Chunks *c, char *bytes, size_t n, uint64_t at) {
  while (n > 0) {
    ssize_t done = pread(c->fd, bytes, n, (off_t)at);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return err_user("%s: cannot read: %s", c->where, strerror(errno));
    if (done == 0) return err_user("%s: the file ends too early; copy it again", c->where);
    bytes += done, at += (uint64_t)done, n -= (size_t)done;
  }
  return OK;
}

/* Elements from .. to - 1, not a byte more. */
static Err get(const Lean *lean, LeanColumn column, void *out, long from, long to) {
  const Chunks *c = &lean->column[column];
  char *bytes = out;
  while (from < to) {
    long i = from / c->chunk[0], inside = from % c->chunk[0];
    long part = to - from < c->chunk[0] - inside ? to - from : c->chunk[0] - inside;
    TRY(get_bytes(c, bytes, (size_t)part * c->row_bytes,
                  c->place[i].address + (size_t)inside * c->row_bytes));
    bytes += (size_t)part * c->row_bytes, from += part;
  }
  return OK;
}

/* The rows' own values, and room for them. */
typedef struct Values {
  long rows;
  int64_t *offset; /* (rows + 1) */
  float *number;   /* (values, 3) momentum, or (values) pixel values */
  float *energy;   /* (values) */
  uint16_t *pixel; /* (values) */
} Values;

static void *room(size_t n, size_t size) {
  void *p = malloc(n * size + 1);
  CHECK(p, "no memory for %zu values", n);
  return p;
}

static Err check_offsets(const Lean *lean, const Values *v, long from) {
  long most = lean->spec.layout == LEAN_JETS ? lean->spec.slots : lean_dim(&lean->spec);
  for (long i = 0; i < v->rows; i++) {
    int64_t first = v->offset[i], count = v->offset[i + 1] - first;
    if (first < 0 || count < 0 || count > most || v->offset[i + 1] > lean->values)
      return err_user("%s: row %ld: found values %lld to %lld, want at most %ld among %ld; it is "
                      "damaged",
                      lean->path, from + i, (long long)first, (long long)v->offset[i + 1], most,
                      lean->values);
  }
  return OK;
}

static Err fetch_values(const Lean *lean, Values *v) {
  bool jets = lean->spec.layout == LEAN_JETS;
  long first = v->offset[0], end = v->offset[v->rows];
  size_t n = (size_t)(end - first);
  v->number = room(n, jets ? 12 : 4);
  TRY(get(lean, jets ? LEAN_MOMENTUM : LEAN_VALUE, v->number, first, end));
  if (jets && lean->spec.has_energy) {
    v->energy = room(n, 4);
    return get(lean, LEAN_ENERGY, v->energy, first, end);
  }
  if (jets) return OK;
  v->pixel = room(n, 2);
  return get(lean, LEAN_PIXEL, v->pixel, first, end);
}

static void spread_jet(float *p4, const Values *v, long row) {
  long first = v->offset[row] - v->offset[0], count = v->offset[row + 1] - v->offset[row];
  for (long i = first; i < first + count; i++, p4 += 4) {
    const float *p = v->number + 3 * i;
    double px = p[0], py = p[1], pz = p[2];
    memcpy(p4 + 1, p, 3 * sizeof *p);
    p4[0] = v->energy ? v->energy[i] : (float)sqrt(px * px + py * py + pz * pz);
  }
}

static Err spread_image(const Lean *lean, float *x, const Values *v, long row) {
  long dim = lean_dim(&lean->spec);
  for (int64_t i = v->offset[row] - v->offset[0]; i < v->offset[row + 1] - v->offset[0]; i++) {
    if (v->pixel[i] >= dim)
      return err_user("%s: found pixel %d, want at most %ld; it is damaged", lean->path,
                      v->pixel[i], dim - 1);
    x[v->pixel[i]] = v->number[i];
  }
  return OK;
}

static Err spread(const Lean *lean, LeanRows *rows, const Values *v) {
  if (lean->spec.layout == LEAN_JETS) {
    long stride = 4l * lean->spec.slots;
    memset(rows->p4, 0, (size_t)(v->rows * stride) * sizeof(float));
    for (long i = 0; i < v->rows; i++) spread_jet(rows->p4 + i * stride, v, i);
    return OK;
  }
  long dim = lean_dim(&lean->spec);
  memset(rows->x, 0, (size_t)(v->rows * dim) * sizeof(float));
  for (long i = 0; i < v->rows; i++) TRY(spread_image(lean, rows->x + i * dim, v, i));
  return OK;
}

static Err read_values(const Lean *lean, LeanRows *rows, long from, long to) {
  Values v = {.rows = to - from, .offset = room((size_t)(to - from + 1), sizeof(int64_t))};
  Err e = get(lean, LEAN_OFFSET, v.offset, from, to + 1);
  if (!e) e = check_offsets(lean, &v, from);
  if (!e) e = fetch_values(lean, &v);
  if (!e) e = spread(lean, rows, &v);
  free(v.offset), free(v.number), free(v.energy), free(v.pixel);
  return e;
}

Err lean_read(const Lean *lean, LeanRows *rows, long from, long to) {
  const LeanSpec *spec = &lean->spec;
  rows->rows = to - from;
  if (rows->p4 || rows->x) TRY(read_values(lean, rows, from, to));
  if (rows->label && spec->has_label) TRY(get(lean, LEAN_LABEL, rows->label, from, to));
  if (rows->weight && spec->has_weight) TRY(get(lean, LEAN_WEIGHT, rows->weight, from, to));
  if (rows->truth && spec->has_truth) TRY(get(lean, LEAN_TRUTH, rows->truth, from, to));
  if (rows->mass_gev && spec->has_mass) TRY(get(lean, LEAN_MASS, rows->mass_gev, from, to));
  return OK;
}
