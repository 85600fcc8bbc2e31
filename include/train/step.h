/* One optimizer step over all ranks:
 *   power iteration and packing of the weights     (every rank alike)
 *   negative phase                                 (each rank its chains; nothing exchanged)
 *   parameter passes, leaf by leaf                 (each rank its leaves)
 *   one exact sum over ranks
 *   the same update on every rank
 * Threads of a rank share tiles and leaves as they come: only integers are added. */
#ifndef TRAIN_STEP_H
#define TRAIN_STEP_H

#include "train/state.h"
#include "train/train.h"
#include "train/transport.h"
#include "train/worker.h"

/* What a step did; the same on every rank. */
typedef struct StepReport {
  bool finite; /* false: a gradient or an energy was not; nothing was updated */
  double plus, minus, minus_square; /* means of E+, E-, E-^2 */
  double loss, rate, gradient_norm;
  double below_epsilon; /* share of second moments */
  double diversity;
  double penalty;                /* of the objective's own terms */
  double wasserstein;            /* W of the chains' ends to the batch; NaN: not asked for */
  double code_mean, code_active; /* over the code's features: mean activation, share active */
  int64_t count[COUNTS];
} StepReport;

typedef struct Stepper {
  const Comm *comm;
  const TrainOpts *opts;
  const TrainInput *input;
  const Net *net;
  const Objective *objective[PHASES]; /* of each phase */
  const Distance *distance;
  int threads;
  Split plus, minus; /* data tiles, chain tiles */
  Weights weights;
  Worker *worker; /* (threads) */
  ExactGrid grid; /* exponents: those of the state */
  ExactSum total; /* sums lie in the packet */
  int *used;      /* (tensors) */
  Packet packet;
  float *gradient;  /* (P) */
  float *negatives; /* (own chain tiles, dim, L) */
  /* Objectives with through_chain; else NULL. */
  Transport *transport;
  float *path; /* (own chain tiles, steps, dim, L) states before each visible step */
  float *pull; /* (own chain tiles, dim, L) dW/dx of the negatives */
  double linear_plus, linear_minus; /* factors of this step's loss */
  double quadratic_plus; /* of E+^2: where an energy may have any sign, gamma keeps both near 0 */
  bool ask_stop, ask_save; /* this rank's wishes */
} Stepper;

/* Collective. Borrows all arguments. */
Stepper *stepper_new(const Comm *comm, const TrainOpts *opts, const TrainInput *input,
                     const Net *net, State *state, const Split *chains);
void stepper_free(Stepper **stepper);
/* Collective. The step at state->at, whose position moves on by one. */
void step_run(Stepper *stepper, State *state, StepReport *report);
/* Remake the weights that the layers see, from any parameters and spectral vectors. */
void step_weights(Stepper *stepper, const float *w, const float *s);
long batches_per_epoch(const Stepper *stepper);
/* Of one of this rank's chain tiles: its negatives (dim, L); its path (steps, dim, L), NULL where
 * none is kept; with a path, its pull (dim, L). */
float *stepper_negatives(const Stepper *stepper, long tile);
float *stepper_path(const Stepper *stepper, long tile);
float *stepper_pull(const Stepper *stepper, long tile);

/* The parts, in files of their own. */
/* train/negatives.c. Collective: no. Fill stepper->negatives and the counters of workers. */
void negatives_run(Stepper *stepper, State *state);
/* Collective. The transport of the negatives to the batch; false: not finite. */
bool negatives_transport(Stepper *stepper, const State *state);
/* train/gradient.c. Collective. Reduced sums into the packet; false: not finite. */
bool gradient_reduce(Stepper *stepper, State *state);
/* Collective. The batch at `at` is in memory. Errors: it cannot be read. */
Err batch_need(const Stepper *stepper, const Position *at);
/* Rows of the data set that fill tile `tile` of the batch at `at`. */
void batch_rows(const Stepper *stepper, const Position *at, long tile, long row[L]);

#endif
