#include "io/array.h"

#include <stdio.h>
#include <stdlib.h>

#include "io/hdf.h"

static Err open_dataset(Array *array, hid_t dataset, const char *path, const char *name) {
  hid_t type = H5Dget_type(dataset);
  bool numbers = number_of(&array->number, type);
  H5Tclose(type);
  if (!numbers)
    return err_user("%s: %s: found elements that are no plain numbers, want integers or floats",
                    path, name);
  TRY(chunks_open(&array->chunks, dataset, path, name));
  array->rows = array->chunks.dims[0];
  array->row_size = (long)(array->chunks.row_bytes / array->chunks.item);
  return OK;
}

Err array_open(Array *array, hid_t file, const char *path, const char *name) {
  hid_t dataset;
  *array = (Array){.chunks.fd = -1};
  TRY(hdf_dataset(&dataset, file, path, name));
  Err e = open_dataset(array, dataset, path, name);
  H5Dclose(dataset);
  return e;
}

void array_close(Array *array) { chunks_close(&array->chunks); }

Err array_read(const Array *array, float *out, long from, long to) {
  if (to <= from) return OK;
  void *raw = malloc((size_t)(to - from) * array->chunks.row_bytes);
  CHECK(raw, "no memory for %ld rows of %zu bytes", to - from, array->chunks.row_bytes);
  Err e = chunks_read(&array->chunks, raw, from, to);
  if (!e) number_read(out, raw, &array->number, (to - from) * array->row_size);
  free(raw);
  return e;
}

void array_shape_text(char *text, size_t size, const Array *array) {
  size_t used = 0;
  for (int a = 0; a < array->chunks.rank && used < size; a++)
    used += (size_t)snprintf(text + used, size - used, "%s%ld%s", a ? ", " : "[",
                             array->chunks.dims[a], a + 1 == array->chunks.rank ? "]" : "");
}
