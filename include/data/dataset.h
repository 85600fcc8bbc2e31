/* A data set, once per node: all rows of a source, made into samples by all ranks of the node, in
 * input order. Subsets select rows by class and split; an Order (data/order.h) walks a subset.
 *
 * Labels, weights and the like of all rows are in memory. So are the samples, if the memory given
 * is enough; if not, they stay in the file (Dataset.away), those of some rows are held in memory
 * (data/fetch.h) and others pass by (data/stream.h). Then `place` says in which slot of x the
 * sample of a row lies. Whoever takes samples by dataset_tile or dataset_sample need not know.
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

/* Samples in memory: all, or it is an error; all if they fit; none but those that are held. These
 * two as far as the source can be read anywhere, else all. The last: all if they fit, of any
 * source, for rows that are taken in order (data/passing.h). */
typedef enum Stay { STAY_ALL, STAY_FITTING, STAY_NONE, STAY_PASSING } Stay;

typedef struct DataOpts {
  SourceOpts source;
  ViewOpts view;    /* what jets become */
  BadRows bad_rows; /* NaN or negative energy: an error (default), or skipped and counted */
  long limit;       /* use the first rows only, 0: all */
  double memory_gb; /* of one node, for the data; 0: no limit */
  Stay stay;
} DataOpts;

#define NOWHERE UINT32_MAX

typedef struct Away Away; /* data/fetch.h */

typedef struct Dataset {
  Shape shape;
  const View *view; /* how jets are seen; NULL: the rows were samples already */
  long rows;
  const float *x;        /* (rows, dim); with `place`: (slots, dim) */
  const uint32_t *place; /* (rows) slot of each sample, or NOWHERE; NULL: row - first */
  long first;            /* row of the first slot, of x and of target */
  const float *target;   /* (rows, dim) what x should become; NULL: x itself, no pairs */
  const int8_t *label;   /* (rows), -1: unknown */
  const float *weight;   /* (rows) */
  const uint8_t *ok;     /* (rows) */
  const float *mass_gev; /* (rows), 0 when the source has no jets */
  bool has_label, has_weight;
  long refused_empty, refused_nan, refused_negative;
  uint64_t checksum; /* of the samples, the same for any rank count */
  size_t bytes;      /* of one node, held now */
  Away *away;        /* samples that are not in memory; NULL: all are */
  Shared *memory;
} Dataset;

/* Collective. Reads and prepares everything, with a progress line called `what`. Errors: those of
 * the source; bad rows; no room. */
Err dataset_load(Dataset *data, const Comm *comm, const DataOpts *opts, const char *what);
/* Collective. The same of an open source, which becomes the data set's, also in an error. */
Err dataset_take(Dataset *data, const Comm *comm, Source *source, const DataOpts *opts,
                 const char *what);
void dataset_free(Dataset *data);
/* Rows of the source that take part. */
long dataset_rows(const Source *source, const DataOpts *opts);

/* Rows of a data set that take part: ids ascending. */
typedef struct Subset {
  long n;
  uint32_t *row;       /* (n) */
  double weight_scale; /* makes the mean weight of the subset 1; 0: all weights are 0 */
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

/* The sample (dim) of a row that is in memory. */
static inline const float *dataset_sample(const Dataset *data, long row) {
  long slot = data->place ? (long)data->place[row] : row - data->first;
  CHECK(slot != NOWHERE, "the sample of row %ld is not in memory", row);
  return data->x + slot * shape_size(data->shape);
}

/* A tile of samples: x (dim, L) and each lane's weight from rows row[0..L-1] of the data. A
 * negative row is padding: a copy of lane 0 with weight 0. */
void dataset_tile(const Dataset *data, float *x, float weight[L], const long row[L]);
/* What the samples x of these rows should become: themselves, or their clean partners, which then
 * lie in `room` (dim, L). */
float *dataset_target(const Dataset *data, float *room, float *x, const long row[L]);

#endif
