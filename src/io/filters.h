/* The filters of HDF5's pipeline that this room undoes by itself. */
#ifndef IO_FILTERS_H
#define IO_FILTERS_H

#include <stdbool.h>
#include <stddef.h>

enum { FILTER_DEFLATE = 1, FILTER_SHUFFLE = 2, FILTER_BLOSC = 32001 };

bool filter_known(int id);
/* plain (n) = the stored bytes, decompressed. NULL, or what was found wrong. Thread-safe. */
const char *filter_undo(int id, unsigned char *plain, size_t n, const unsigned char *stored,
                        size_t stored_n, size_t element);

#endif
