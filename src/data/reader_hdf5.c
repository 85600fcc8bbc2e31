/* Any HDF5 arrays [N, ...] with paths from the configuration: samples as they are, or
 * four-momenta [N, T, 4]; targets of the same shape; labels and weights [N]. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/source.h"
#include "io/array.h"
#include "io/hdf.h"
#include "labels.h"

typedef struct Arrays {
  Array x, target, label, weight; /* rows 0: not there */
} Arrays;

static bool given(const char *path) { return path && *path; }

static Err wrong_shape(const Array *x, const char *want) {
  char shape[160];
  array_shape_text(shape, sizeof shape, x);
  return err_user("%s: found shape %s, want %s", x->chunks.where, shape, want);
}

static Err take_dense(Source *source, const Array *x) {
  const long *d = x->chunks.dims;
  source->kind = SOURCE_DENSE;
  switch (x->chunks.rank) {
  case 1:
    source->shape = (Shape){1, 1, 1};
    return OK;
  case 2:
    source->shape = (Shape){(int)d[1], 1, 1};
    return OK;
  case 3:
    source->shape = (Shape){1, (int)d[1], (int)d[2]};
    return OK;
  case 4:
    source->shape = (Shape){(int)d[1], (int)d[2], (int)d[3]};
    return OK;
  default:
    return wrong_shape(x, "[N, D], [N, H, W] or [N, C, H, W] (data.layout=dense)");
  }
}

static Err take_p4(Source *source, const Array *x) {
  source->kind = SOURCE_JETS;
  if (x->chunks.rank != 3 || x->chunks.dims[2] != 4)
    return wrong_shape(x, "[N, T, 4]: E, px, py, pz of T constituents (data.layout=p4)");
  source->slots = (int)x->chunks.dims[1];
  return OK;
}

/* A number for each row of x. */
static Err open_column(Array *column, hid_t file, const char *path, const char *name,
                       const Array *x) {
  TRY(array_open(column, file, path, name));
  if (column->rows == x->rows && column->row_size == 1) return OK;
  char want[200];
  snprintf(want, sizeof want, "[%ld], one number for each row of the samples", x->rows);
  return wrong_shape(column, want);
}

/* Clean samples, one for each noisy one. */
static Err open_target(Array *target, hid_t file, const SourceOpts *opts, const Array *x) {
  TRY(array_open(target, file, opts->path, opts->target_path));
  bool same = target->rows == x->rows && target->chunks.rank == x->chunks.rank;
  for (int i = 1; same && i < x->chunks.rank; i++)
    same = target->chunks.dims[i] == x->chunks.dims[i];
  if (same) return OK;
  char want[160], text[300];
  array_shape_text(want, sizeof want, x);
  snprintf(text, sizeof text, "%s, as data.x has it: a target for each sample", want);
  return wrong_shape(target, text);
}

static Err open_arrays(Source *source, const SourceOpts *opts, hid_t file) {
  Arrays *a = source->file;
  TRY(array_open(&a->x, file, opts->path, opts->x_path));
  bool jets = opts->layout && !strcmp(opts->layout, "p4");
  TRY(jets ? take_p4(source, &a->x) : take_dense(source, &a->x));
  if (given(opts->target_path) && jets)
    return err_user(
        "data.target: found %s with data.layout p4, want dense: only samples that are "
        "not made from jets can be paired",
        opts->target_path);
  if (given(opts->target_path)) TRY(open_target(&a->target, file, opts, &a->x));
  if (given(opts->label_path))
    TRY(open_column(&a->label, file, opts->path, opts->label_path, &a->x));
  if (given(opts->weight_path))
    TRY(open_column(&a->weight, file, opts->path, opts->weight_path, &a->x));
  source->rows = a->x.rows;
  source->has_target = given(opts->target_path);
  source->has_label = given(opts->label_path);
  source->has_weight = given(opts->weight_path);
  return OK;
}

static Err open_hdf5(Source *source, const SourceOpts *opts) {
  Arrays *a = MEM_NEW(Arrays, "open arrays", 1);
  a->x.chunks.fd = a->target.chunks.fd = a->label.chunks.fd = a->weight.chunks.fd = -1;
  source->file = a;
  if (!given(opts->x_path))
    return err_user("%s: found no path of the samples inside the file, want data.x=/PATH (and "
                    "data.label=/PATH where there are labels)",
                    opts->path);
  hid_t file;
  TRY(hdf_open(&file, opts->path));
  Err e = open_arrays(source, opts, file);
  H5Fclose(file);
  return e;
}

static void close_hdf5(Source *source) {
  Arrays *a = source->file;
  if (!a) return;
  array_close(&a->x);
  array_close(&a->target);
  array_close(&a->label);
  array_close(&a->weight);
  mem_free(&source->file);
}

static Err read_labels(const Source *source, const Array *column, int8_t *out, long from,
                       long to) {
  float *found = malloc((size_t)(to - from + 1) * sizeof *found); /* (rows) */
  CHECK(found, "no memory for %ld labels", to - from);
  Err e = array_read(column, found, from, to);
  if (!e) e = labels_from_floats(out, found, to - from, from, source->path);
  free(found);
  return e;
}

static Err read_hdf5(const Source *source, Block *block, long from, long to) {
  const Arrays *a = source->file;
  TRY(array_read(&a->x, source->kind == SOURCE_JETS ? block->p4 : block->x, from, to));
  if (source->has_target) TRY(array_read(&a->target, block->target, from, to));
  if (source->has_label) TRY(read_labels(source, &a->label, block->label, from, to));
  if (source->has_weight) TRY(array_read(&a->weight, block->weight, from, to));
  return OK;
}

static long grain_hdf5(const Source *source) {
  const Arrays *a = source->file;
  return a->x.chunks.chunk[0];
}

const Reader reader_hdf5 = {
    .name = "hdf5",
    .help = "arrays of an HDF5 file: data.x, data.target, data.label, data.weight, data.layout",
    .open = open_hdf5,
    .read = read_hdf5,
    .close = close_hdf5,
    .grain = grain_hdf5,
};
