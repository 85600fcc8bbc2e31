/* The arrays of a lean file, for its writer and its reader. */
#ifndef IO_LEAN_COLUMNS_H
#define IO_LEAN_COLUMNS_H

#include <hdf5.h>

#include "io/lean.h"

#define LEAN_FORMAT "jetnae lean"
enum { LEAN_VERSION = 1 };

typedef enum LeanColumn {
  LEAN_OFFSET,
  LEAN_MOMENTUM,
  LEAN_ENERGY,
  LEAN_PIXEL,
  LEAN_VALUE,
  LEAN_LABEL,
  LEAN_WEIGHT,
  LEAN_TRUTH,
  LEAN_MASS,
  LEAN_COLUMNS
} LeanColumn;

typedef struct LeanAbout {
  const char *name, *dimensions, *unit, *about;
  int width;      /* numbers per row or value */
  size_t bytes;   /* of one row or value */
  bool per_value; /* (M) instead of (N) */
} LeanAbout;

extern const LeanAbout lean_about[LEAN_COLUMNS];
hid_t lean_type(LeanColumn column);
/* Whether a file of this kind has the column. */
bool lean_has(const LeanSpec *spec, LeanColumn column);
/* Pixels of one image. */
long lean_dim(const LeanSpec *spec);

#endif
