/* Standardised samples: x' = (x - mean) / scale, element by element, so that features of
 * different units weigh the same. Mean and scale come from the rows to be trained on, each with
 * its weight; they are kept with the model, and whatever is read for it is shifted by them.
 *
 * The sums over rows are exact (num/sum.h), in one pass: ranks share rows, threads elements, and
 * the bits are the same for any number of either. Both are kept as floats and x' is two
 * operations in float, so that any program can repeat it to the last bit. */
#ifndef DATA_STANDARD_H
#define DATA_STANDARD_H

#include "data/dataset.h"

typedef enum Standardise { STANDARDISE_AUTO, STANDARDISE_TRUE, STANDARDISE_FALSE } Standardise;

typedef struct Standard {
  float *mean, *scale; /* (dim) */
} Standard;

/* Local. Whether samples are to be standardised; auto: as their view says. Errors: the view's
 * zeros say that a point is absent. */
Err standard_wanted(bool *wanted, Standardise choice, const Dataset *data);
/* Collective. Mean and deviation of each element; a deviation that is rounding counts as 1. Owns:
 * the caller, standard_free. Errors: rows that are not in memory cannot be read. */
Err standard_measure(Standard *standard, const Comm *comm, const Dataset *data,
                     const Subset *rows);
void standard_free(Standard *standard);
/* Collective. Shift and scale all rows in place, once, and their clean partners alike; those that
 * are not in memory, whenever they come there. Refused rows stay zero. mean, scale (dim). */
void standard_apply(Dataset *data, const Comm *comm, const float *mean, const float *scale);

/* Collective. Mean (dim) of the rows, each with its weight. Errors: as above. */
Err rows_mean(double *mean, const Comm *comm, const Dataset *data, const Subset *rows);

#endif
