/* One HDF5 array of numbers, rows along the first axis, read as floats by chunk (io/chunks.h). */
#ifndef IO_ARRAY_H
#define IO_ARRAY_H

#include <hdf5.h>

#include "base/err.h"
#include "io/chunks.h"
#include "io/number.h"

typedef struct Array {
  Chunks chunks; /* rank, dims */
  Number number;
  long rows, row_size; /* numbers per row */
} Array;

/* Local. Owns: the caller, array_close; `file` may be closed before. Errors: no such data set
 * (with the nearest names), not numbers. */
Err array_open(Array *array, hid_t file, const char *path, const char *name);
void array_close(Array *array);
/* Local. Rows from .. to - 1 to out (to - from, row_size). Thread-safe. Errors: damaged. */
Err array_read(const Array *array, float *out, long from, long to);
/* "[100, 40, 40]" */
void array_shape_text(char *text, size_t size, const Array *array);

#endif
