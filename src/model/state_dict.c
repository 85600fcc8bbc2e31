#include "model/state_dict.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "model/h5.h"

enum { NAME_SIZE = 512, NUMBERS_MOST = 1 << 30 };

/* ---- the list ---- */

static char *copy_text(const char *text) {
  char *copy = MEM_NEW(char, "names of weights", strlen(text) + 1);
  return strcpy(copy, text);
}

static void tensor_free(StateTensor *tensor) {
  mem_free(&tensor->name);
  mem_free(&tensor->x);
  mem_free(&tensor->u);
  mem_free(&tensor->v);
}

void state_dict_free(StateDict *dict) {
  for (int i = 0; i < dict->n; i++) tensor_free(&dict->tensor[i]);
  free(dict->tensor);
  *dict = (StateDict){0};
}

StateTensor *state_dict_add(StateDict *dict, const char *name, int n_dims, const long *dims) {
  dict->tensor = realloc(dict->tensor, (size_t)(dict->n + 1) * sizeof *dict->tensor);
  CHECK(dict->tensor, "no memory");
  StateTensor *tensor = &dict->tensor[dict->n++];
  *tensor = (StateTensor){.name = copy_text(name), .n_dims = n_dims, .size = 1};
  for (int i = 0; i < n_dims; i++) {
    tensor->dims[i] = dims[i];
    tensor->size *= (size_t)dims[i];
  }
  tensor->x = MEM_NEW(float, "weights to import", tensor->size);
  return tensor;
}

int state_dict_find(const StateDict *dict, const char *name) {
  for (int i = 0; i < dict->n; i++)
    if (!strcmp(dict->tensor[i].name, name)) return i;
  return -1;
}

/* "layer.2" before "layer.10". */
static int natural(const void *a, const void *b) {
  return strverscmp(((const StateTensor *)a)->name, ((const StateTensor *)b)->name);
}

/* ---- spectral normalisation ---- */

static void drop(StateDict *dict, int i) {
  tensor_free(&dict->tensor[i]);
  memmove(&dict->tensor[i], &dict->tensor[i + 1], (size_t)(--dict->n - i) * sizeof *dict->tensor);
}

/* Take the vector `stem` + `end` away from the list. */
static bool take(StateDict *dict, float **x, size_t *n, const char *stem, const char *end) {
  char name[NAME_SIZE];
  snprintf(name, sizeof name, "%s%s", stem, end);
  int i = state_dict_find(dict, name);
  if (i < 0 || !dict->tensor[i].x) return false;
  *x = dict->tensor[i].x, *n = dict->tensor[i].size;
  dict->tensor[i].x = NULL;
  drop(dict, i);
  return true;
}

/* Where a name ends so, what stands before. */
static bool stem_of(char stem[NAME_SIZE], const char *name, const char *end) {
  size_t n = strlen(name), m = strlen(end);
  if (n < m || n >= NAME_SIZE || strcmp(name + n - m, end)) return false;
  snprintf(stem, NAME_SIZE, "%.*s", (int)(n - m), name);
  return true;
}

static void rename_weight(StateTensor *tensor, const char *stem) {
  char name[NAME_SIZE + 16];
  snprintf(name, sizeof name, "%sweight", stem);
  mem_free(&tensor->name);
  tensor->name = copy_text(name);
}

/* Join W, u and v wherever they are, for one way of naming them. */
static void join(StateDict *dict, const char *original, const char *u, const char *v) {
  for (int i = 0; i < dict->n; i++) {
    char stem[NAME_SIZE];
    StateTensor with = {0};
    if (!stem_of(stem, dict->tensor[i].name, original)) continue;
    StateTensor weight = dict->tensor[i];
    if (!take(dict, &with.u, &with.n_u, stem, u)) continue;
    take(dict, &with.v, &with.n_v, stem, v);
    i = state_dict_find(dict, weight.name);
    dict->tensor[i].u = with.u, dict->tensor[i].n_u = with.n_u;
    dict->tensor[i].v = with.v, dict->tensor[i].n_v = with.n_v;
    rename_weight(&dict->tensor[i], stem);
  }
}

/* ---- HDF5 ---- */

typedef struct Reading {
  StateDict *dict;
  const char *path;
  Err e;
} Reading;

static Err damaged(const Reading *reading, const char *name) {
  return err_user("%s: %s cannot be read; take another copy of the file", reading->path, name);
}

static Err read_dataset(const Reading *reading, hid_t set, const char *name) {
  hid_t space = H5Dget_space(set), type = H5Dget_type(set);
  hsize_t extent[H5S_MAX_RANK];
  long dims[STATE_RANK];
  int n = H5Sget_simple_extent_dims(space, extent, NULL);
  bool real = H5Tget_class(type) == H5T_FLOAT, fits = n >= 0 && n <= STATE_RANK;
  double size = 1;
  for (int i = 0; fits && i < n; i++) {
    dims[i] = (long)extent[i];
    size *= (double)extent[i];
  }
  H5Tclose(type);
  H5Sclose(space);
  if (!fits || size > NUMBERS_MOST) return damaged(reading, name);
  StateTensor *tensor = state_dict_add(reading->dict, name, n, dims);
  if (!real)
    mem_free(&tensor->x);
  else if (H5Dread(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, tensor->x) < 0)
    return damaged(reading, name);
  return OK;
}

static herr_t visit(hid_t file, const char *name, const H5O_info_t *info, void *arg) {
  Reading *reading = arg;
  if (info->type != H5O_TYPE_DATASET) return 0;
  hid_t set = h5_find(file, name);
  reading->e = set < 0 ? damaged(reading, name) : read_dataset(reading, set, name);
  h5_close(set);
  return reading->e ? 1 : 0;
}

static Err read_hdf5(StateDict *dict, const char *path) {
  hid_t file;
  Reading reading = {.dict = dict, .path = path};
  TRY(h5_open(&file, path, "a state dict with one dataset per key"));
  bool seen = H5Ovisit(file, H5_INDEX_NAME, H5_ITER_INC, visit, &reading) >= 0;
  h5_close(file);
  return seen || reading.e ? reading.e : damaged(&reading, "a group");
}

/* ---- any ---- */

Err state_dict_read(StateDict *dict, const char *path) {
  *dict = (StateDict){0};
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  bool hdf5 = H5Fis_hdf5(path) > 0;
  TRY(hdf5 ? read_hdf5(dict, path) : safetensors_read(dict, path));
  if (!dict->n) return err_user("%s: found no tensors, want a state dict", path);
  join(dict, "weight_orig", "weight_u", "weight_v");
  join(dict, "parametrizations.weight.original", "parametrizations.weight.0._u",
       "parametrizations.weight.0._v");
  qsort(dict->tensor, (size_t)dict->n, sizeof *dict->tensor, natural);
  return OK;
}
