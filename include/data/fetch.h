/* Samples that are not in memory, made again from their file as they were made at loading: the
 * same bits, for each row is compared with the hash that was taken then; another one means that
 * the file was changed or is damaged.
 *
 * Reads are plain reads of runs of rows that lie close together. */
#ifndef DATA_FETCH_H
#define DATA_FETCH_H

#include "data/dataset.h"

struct Away {
  Source source;
  ViewOpts view;
  const uint32_t *hash; /* (rows) of what each was at loading */
  float *mean, *scale;  /* (dim) by which samples are standardised; NULL: they are not */
  Shared *slots;        /* x and place of the data set */
};

/* Hash of row number and all that the row holds: x (dim), target (dim) or NULL. */
uint64_t row_hash(long row, const float *x, const float *target, long dim, float weight,
                  int label);

/* What one thread needs to fetch. */
typedef struct Fetch {
  const Dataset *data;
  Block block; /* the rows of a run */
  long most;   /* of them */
} Fetch;
/* At most so many rows are read at once. Owns: the caller, fetch_free. Borrows the data. */
Fetch fetch_new(const Dataset *data, long most);
void fetch_free(Fetch *fetch);
/* Local. x (n, dim) from n rows; rows close together should follow each other. Only the making of
 * samples is shared among `threads`. One caller at a time for each Fetch; with one thread in any
 * thread. Errors: cannot be read; damaged; changed. */
Err fetch_rows(Fetch *fetch, float *x, const uint32_t *row, long n, int threads);

/* Local. x, target (rows, dim), the latter NULL where there is none, from consecutive rows, of any
 * source. As fetch_rows otherwise. */
Err fetch_range(Fetch *fetch, float *x, float *target, Range rows, int threads);

/* Rows of a run where they are wanted from here and there. */
enum { FETCH_RUN = 64 };

/* Collective. Make room for `spare` samples, whose slots come first, and behind them hold those
 * of the rows of n subsets, which have none in common. Errors: no room; those of fetch_rows. */
Err dataset_hold(Dataset *data, const Comm *comm, const Subset *held, int n, long spare,
                 int threads);
/* Bytes of one node that so many samples take. */
size_t dataset_room(const Dataset *data, long samples);
/* Collective over the node. The slots from `first` on hold the samples of these n rows, written
 * by this rank; afterwards all ranks of the node find them, and what the others placed. NOWHERE:
 * they are in no slot any more. */
void dataset_place(Dataset *data, const uint32_t *row, long n, long first);

#endif
