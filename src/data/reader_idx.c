/* IDX images of bytes with their label file: MNIST, Fashion-MNIST. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "data/source.h"
#include "io/idx.h"

typedef struct Images {
  Idx x, label; /* label.rank 0: none */
  double scale;
} Images;

/* The label file that belongs to a file of images, by the usual names; false: none there. */
static bool label_path(char *out, size_t size, const char *images) {
  static const char from[] = "images-idx3", to[] = "labels-idx1";
  const char *name = strrchr(images, '/'), *at = strstr(name ? name : images, from);
  if (!at) return false;
  int length = snprintf(out, size, "%.*s%s%s", (int)(at - images), images, to, at + strlen(from));
  return length > 0 && (size_t)length < size && access(out, F_OK) == 0;
}

static Err take_shape(Source *source, const Idx *x) {
  const long *d = x->dims;
  source->kind = SOURCE_DENSE;
  source->rows = d[0];
  if (x->rank < 2)
    return err_user("%s: found 1 axis, want images along 2 to 4 (is this the label file?)",
                    x->path);
  source->shape = x->rank == 2   ? (Shape){(int)d[1], 1, 1}
                  : x->rank == 3 ? (Shape){1, (int)d[1], (int)d[2]}
                                 : (Shape){(int)d[1], (int)d[2], (int)d[3]};
  return OK;
}

static Err open_labels(Images *images, const char *path) {
  TRY(idx_open(&images->label, path));
  if (images->label.dims[0] == images->x.dims[0] && images->label.item == 1) return OK;
  return err_user("%s: found %ld labels of %ld bytes, want %ld of one byte, as many as there are "
                  "images in %s",
                  path, images->label.dims[0], images->label.item, images->x.dims[0],
                  images->x.path);
}

static Err open_idx(Source *source, const SourceOpts *opts) {
  Images *images = MEM_NEW(Images, "open IDX files", 1);
  char guess[1100];
  images->x.fd = images->label.fd = -1;
  images->scale = opts->scale;
  source->file = images;
  TRY(idx_open(&images->x, opts->path));
  TRY(take_shape(source, &images->x));
  const char *labels = opts->labels && *opts->labels                 ? opts->labels
                       : label_path(guess, sizeof guess, opts->path) ? guess
                                                                     : NULL;
  source->has_label = labels != NULL;
  return labels ? open_labels(images, labels) : OK;
}

static void close_idx(Source *source) {
  Images *images = source->file;
  if (!images) return;
  idx_close(&images->x);
  idx_close(&images->label);
  mem_free(&source->file);
}

static Err read_labels(const Images *images, int8_t *out, long from, long to) {
  TRY(idx_read(&images->label, (uint8_t *)out, from, to));
  for (long i = 0; i < to - from; i++)
    if (out[i] < 0)
      return err_user("%s: item %ld: found label %d, want 0 to 127", images->label.path, from + i,
                      (uint8_t)out[i]);
  return OK;
}

static Err read_idx(const Source *source, Block *block, long from, long to) {
  const Images *images = source->file;
  size_t n = (size_t)(to - from) * (size_t)images->x.item;
  uint8_t *bytes = malloc(n + 1); /* (rows, item) */
  CHECK(bytes, "no memory for %zu bytes", n);
  Err e = idx_read(&images->x, bytes, from, to);
  for (size_t i = 0; !e && i < n; i++) block->x[i] = (float)(bytes[i] * images->scale);
  free(bytes);
  if (!e && source->has_label) e = read_labels(images, block->label, from, to);
  return e;
}

const Reader reader_idx = {
    .name = "idx",
    .help = "IDX images of bytes, plain or gzip'd (MNIST): data.labels, data.scale",
    .knows = idx_signature,
    .open = open_idx,
    .read = read_idx,
    .close = close_idx,
};
