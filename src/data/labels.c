#include "labels.h"

Err labels_from_floats(int8_t *out, const float *found, long n, long first, const char *path) {
  for (long i = 0; i < n; i++) {
    if (!(found[i] >= -1 && found[i] <= 127) || found[i] != (float)(int8_t)found[i])
      return err_user(
          "%s: row %ld: found label %g, want a whole number from 0 to 127 (-1: unknown)", path,
          first + i, (double)found[i]);
    out[i] = (int8_t)found[i];
  }
  return OK;
}
