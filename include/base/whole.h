/* Whole numbers: the smaller of two, the next multiple. */
#ifndef BASE_WHOLE_H
#define BASE_WHOLE_H

#include <stddef.h>

static inline long whole_min(long a, long b) { return a < b ? a : b; }

static inline size_t whole_up(size_t n, size_t unit) { return (n + unit - 1) / unit * unit; }

/* Bytes, up to where a next array may start (base/mem.h: multiples of 64). */
static inline size_t whole_lines(size_t bytes) { return whole_up(bytes, 64); }

#endif
