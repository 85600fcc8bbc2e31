/* Scores: the energy of every row of a data set under a model, one per row, in input order. The
 * larger, the more anomalous. Refused rows (empty jet, NaN, negative energy) score NaN.
 *
 * Ranks own contiguous tiles of rows and threads share them; a sample's arithmetic sees no
 * neighbour, so the scores are the same bits for any number of either. */
#ifndef EVAL_SCORE_H
#define EVAL_SCORE_H

#include <stdint.h>

#include "eval/crew.h"
#include "eval/metrics.h"
#include "model/model.h"
#include "par/comm.h"

/* Scored rows, on rank 0. */
typedef struct Scores {
  long rows;
  double *energy;        /* (rows) */
  double *kl;            /* (rows) of a vae's code, in nats; NULL: no vae */
  double beta;           /* of that vae, whose likelihood has the variance beta / 2 */
  double *spread;        /* (rows) standard deviation over an ensemble; NULL: one model */
  const int8_t *label;   /* (rows) of the data set; NULL: it has none */
  const float *mass_gev; /* (rows) of the jets; NULL, or all 0: there are none */
} Scores;

/* Collective. Owns: the caller, free with scores_free; the labels are the data set's. Other ranks
 * get no rows. Errors: cannot be read again (data/passing.h). */
Err scores_compute(Scores *scores, const Comm *comm, const Model *model, const RowsAsked *asked);
void scores_free(Scores *scores);
/* Local. Take the scores of member k of an ensemble (they are emptied), k = 0, 1, ... in order;
 * then finish the spread over n members. */
void scores_add(Scores *mean, Scores *member, int k);
void scores_finish(Scores *mean, int n);

/* Scores of a set of outliers, on rank 0. */
typedef struct Outliers {
  char name[256]; /* a kind, or a file */
  Scores scores;
} Outliers;

/* Local. Write /energy and /label, and the energies of the n sets as /outliers/0, ... Errors:
 * cannot write. */
Err scores_save(const char *path, const Scores *scores, const Outliers *outliers, int n,
                const Model *model, const Fact *facts);
/* How well outliers are told from the rows that are normal (is_normal (rows): 1; NULL: all). */
Metrics scores_against(const Scores *scores, const signed char *is_normal, const float *weight,
                       const Scores *outliers);

/* Energies below which the given shares of the rows lie; rows without a score are left out (all
 * without: NaN). */
void scores_quantiles(double *quantile, const Scores *scores, const double *share, int n);

#endif
