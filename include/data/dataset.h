/* A data set in memory, once per node: all rows of a source, made into samples by all ranks of
 * the node, in input order. Subsets select rows by class and split; an Order walks a subset.
 *
 * A refused row (empty jet, NaN, negative energy) keeps its place: its sample is zero, its `ok`
 * 0, it is in no subset and scores NaN. */
#ifndef DATA_DATASET_H
#define DATA_DATASET_H

#include "data/classes.h"
#include "data/view.h"
#include "num/tile.h"
#include "par/comm.h"

typedef enum BadRows { BAD_ERROR, BAD_SKIP } BadRows;

typedef struct DataOpts {
  SourceOpts source;
  ViewOpts view;    /* what jets become */
  BadRows bad_rows; /* NaN or negative energy: an error (default), or skipped and counted */
  long limit;       /* use the first rows only, 0: all */
  double memory_gb; /* of one node, for the data */
} DataOpts;

typedef struct Dataset {
  Shape shape;
  const View *view; /* how jets are seen; NULL: the rows were samples already */
  long rows;
  const float *x;        /* (rows, dim) */
  const float *target;   /* (rows, dim) what x should become; NULL: x itself, no pairs */
  const int8_t *label;   /* (rows), -1: unknown */
  const float *weight;   /* (rows) */
  const uint8_t *ok;     /* (rows) */
  const float *mass_gev; /* (rows), 0 when the source has no jets */
  bool has_label, has_weight;
  long refused_empty, refused_nan, refused_negative;
  uint64_t checksum; /* of the samples, the same for any rank count */
  Shared *memory;
} Dataset;

/* Collective. Reads and prepares everything, with a progress line called `what`. Errors: those of
 * the source; bad rows; no room. */
Err dataset_load(Dataset *data, const Comm *comm, const DataOpts *opts, const char *what);
void dataset_free(Dataset *data);
/* Rows of the source that take part. */
long dataset_rows(const Source *source, const DataOpts *opts);

/* Rows of a data set that take part: ids ascending. */
typedef struct Subset {
  long n;
  uint32_t *row;       /* (n) */
  double weight_scale; /* makes the mean weight of the subset 1 */
} Subset;

/* Rows of the chosen classes (data/classes.h; labels absent: every row) that the hashed split
 * puts into part [from, to) of (0, 1): uniform(seed, RNG_SPLIT, row). At most `limit` rows (0:
 * all). */
Subset subset_select(const Dataset *data, int classes, double from, double to, long limit,
                     uint64_t seed);
/* Make `normal` n of its rows (0: as many as it has), of which round(share n) are taken from
 * `signal` instead, the first of each; ids stay ascending. Errors: more than there are. */
Err subset_mix(Subset *normal, const Dataset *data, const Subset *signal, double share, long n);
void subset_free(Subset *subset);

/* A tile of samples: x (dim, L) and each lane's weight from rows row[0..L-1] of the data. A
 * negative row is padding: a copy of lane 0 with weight 0. */
void dataset_tile(const Dataset *data, float *x, float weight[L], const long row[L]);
/* What the samples x of these rows should become: themselves, or their clean partners, which then
 * lie in `room` (dim, L). */
float *dataset_target(const Dataset *data, float *room, float *x, const long row[L]);

/* The order of an epoch: blocks of `block` consecutive positions of the subset (the last short),
 * one permutation of the blocks; windows of `window` blocks in that order; one permutation of
 * each window's samples. A pure function of (seed, epoch, position); the same in memory or
 * streamed. */
typedef struct Order {
  long n, block, window;
  uint64_t seed;
} Order;
/* Position 0..n-1 of the epoch -> index into the subset. */
long order_at(const Order *order, uint64_t epoch, long position);

#endif
