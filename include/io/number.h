/* Numbers as files store them: integers of 1, 2, 4 or 8 bytes and IEEE floats of 4 or 8, in
 * either byte order, turned into floats without HDF5, so in any thread. */
#ifndef IO_NUMBER_H
#define IO_NUMBER_H

#include <hdf5.h>
#include <stdbool.h>

typedef struct Number {
  bool real, is_signed, swapped; /* swapped: not this machine's byte order */
  int size;                      /* bytes */
} Number;

/* False when the type is no such number. */
bool number_of(Number *number, hid_t type);
/* "float32", "uint8", "int64 (swapped)". */
const char *number_name(char name[32], const Number *number);
/* out (n) = the n numbers at raw; integers and doubles are rounded to the nearest float. */
void number_read(float *out, const void *raw, const Number *number, long n);

#endif
