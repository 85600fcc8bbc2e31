/* Rows of a data set in their order, each rank for itself: where the samples are away they are read
 * from their file again, some thousand at a time. What takes samples takes them from `now`, which
 * is the data set in all but that. Memory does not grow with the number of rows.
 *
 *     passing_init(&rows, &data, sweep_most(threads));
 *     for (...) { passing_show(&rows, range, threads); dataset_tile(&rows.now, ...); } */
#ifndef DATA_PASSING_H
#define DATA_PASSING_H

#include "data/dataset.h"
#include "data/fetch.h"

typedef struct Passing {
  Dataset now;       /* holds the rows that are shown, or all */
  Fetch fetch;       /* where samples are away */
  float *x, *target; /* (most, dim) */
  long most;
} Passing;

/* To show at most so many rows at a time. Borrows the data. Owns: the caller, passing_free. */
void passing_init(Passing *rows, const Dataset *data, long most);
void passing_free(Passing *rows);
/* Bytes that it takes. */
size_t passing_room(const Dataset *data, long most);
/* Local. Errors: those of fetch_range. */
Err passing_show(Passing *rows, Range range, int threads);

#endif
