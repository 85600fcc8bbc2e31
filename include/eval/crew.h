/* The threads of a rank, each with what it needs to run a trained model on a tile of rows. */
#ifndef EVAL_CREW_H
#define EVAL_CREW_H

#include "data/passing.h"
#include "model/model.h"
#include "obj/recon.h"

/* Which rows of what, by how many threads of a rank. */
typedef struct RowsAsked {
  const Dataset *data;
  Range rows;
  int threads;
} RowsAsked;

typedef struct Crew {
  const Model *model;
  int threads;
  Weights weights;
  Recon **recon;            /* (threads) */
  float **x, **target, **y; /* (threads) of (dim, L): samples, what they should become, what they
                               do become */
  float **z;                /* (threads) of (latent, L) */
  Passing rows;             /* that they work on */
  long from;                /* the first of them */
} Crew;

/* Borrows model and data; the crew must stay where it is. Owns: the caller, crew_free. */
void crew_init(Crew *crew, const Model *model, int threads);
/* With rows to work on. */
void crew_init_rows(Crew *crew, const Model *model, const RowsAsked *asked);
void crew_free(Crew *crew);
/* Local. Get items ready, item 0 being the first row asked for: of a Sweep. Errors: those of
 * passing_show. */
Err crew_show(Crew *crew, Range items);
/* x[thread] = n rows from `row` on, in the first lanes; the others hold copies. Returns what they
 * should become: the same, or target[thread]. */
float *crew_fetch(const Crew *crew, int thread, long row, int n);
/* What the model sees, x (dim, L), in the units of the data again: undoes standardisation. */
void crew_restore(const Crew *crew, float *x);
/* The first n lanes of a tile (dim, L) to records of `size` bytes that begin `at` bytes on. */
void crew_store(void *record, size_t size, size_t at, const float *tile, long dim, int n);

#endif
