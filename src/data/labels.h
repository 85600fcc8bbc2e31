/* Labels as files give them: any numbers. */
#ifndef DATA_LABELS_H
#define DATA_LABELS_H

#include <stdint.h>

#include "base/err.h"

/* out (n) = found (n). Errors: no whole number from -1 (unknown) to 127; `first` is the row of
 * the first. */
Err labels_from_floats(int8_t *out, const float *found, long n, long first, const char *path);

#endif
