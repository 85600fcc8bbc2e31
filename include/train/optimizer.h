/* From a summed gradient to new weights: through spectral normalisation, regularisers, clipping
 * by the global norm, Adam or AdamW. Every rank does the same. */
#ifndef TRAIN_OPTIMIZER_H
#define TRAIN_OPTIMIZER_H

#include "train/opts.h"
#include "train/state.h"

typedef struct Update {
  double rate, clip; /* clip 0: none */
  int threads;
  /* out */
  double norm;    /* of the gradient, before clipping */
  double penalty; /* of the regularisers, in the loss */
  long below;     /* second moments below epsilon */
} Update;

/* gradient (P) of the effective weights; it is used up. */
void optimizer_update(Learned *now, const Net *net, const TrainOpts *opts, float *gradient,
                      Update *update);
/* Sum of squares in a fixed order, in double. */
double sum_squares(const float *x, size_t n);
/* Parameters of the encoder: [0, encoder_params). */
size_t encoder_params(const Net *net);

/* Learning rate of a phase at its step (train/schedule.c). */
double schedule_rate(const TrainOpts *opts, const PhaseOpts *phase, int64_t epoch,
                     int64_t phase_step, long batches);

#endif
