/* Everything that a run needs to go on, and nothing that depends on ranks, threads or the clock.
 * What is here is in the checkpoint; what is not here can be made again from options and data.
 *
 * `now` is what learning moves and a rollback takes back: weights, the optimizer's moments, the
 * exponents of the exact sums, the spectral vectors, the replay slots, T and the chains' steps.
 * Position, stopping and log go forwards only, so that a run with rollbacks does no step twice
 * and its log stays in order. */
#ifndef TRAIN_STATE_H
#define TRAIN_STATE_H

#include "io/checkpoint.h"
#include "mcmc/replay.h"
#include "net/net.h"
#include "train/opts.h"
#include "train/split.h"

typedef enum Phase { PHASE_AE, PHASE_NAE, PHASES } Phase;

static inline const PhaseOpts *phase_opts(const TrainOpts *opts, int64_t phase) {
  return phase == PHASE_NAE ? &opts->nae : &opts->ae;
}

typedef struct Learned {
  float *w, *m, *v;                /* (P) weights; Adam's moments */
  float *s;                        /* (n_spectral) */
  int *exponent;                   /* (tensors) of the exact sums */
  Replay replay;                   /* of this rank's chains */
  double beta1_power, beta2_power; /* beta^t, running products */
  double temperature;              /* T; 0 in the AE phase */
  double log_t_m, log_t_v;         /* Adam's moments of log T */
  double z_step, x_step;           /* mala: l / T */
  double z_move, x_move;           /* their last factors */
  double *code_mean;               /* (latent) running mean of the codes, NaN before the first */
} Learned;

/* The model that the run would choose now. */
typedef struct Best {
  float *w, *s;  /* (P), (n_spectral) */
  double metric; /* smaller is better */
  double temperature;
  int64_t step; /* -1: none yet */
} Best;

typedef struct Position {
  int64_t phase, epoch, batch; /* the next step's */
  int64_t step, phase_step;    /* optimizer steps done, in all and in this phase */
  int64_t over;                /* the phase was stopped early */
  int64_t ae_epochs;           /* of the AE phase, once the NAE phase has begun */
} Position;

typedef struct Watch {
  int64_t bad_rows, rollbacks,
      misses;        /* guard's rows in a row; rollbacks; validations without gain */
  double rate_scale; /* product of the guard's factors */
} Watch;

typedef struct State {
  const Net *net;
  long chains; /* of all ranks */
  Learned now, snapshot;
  Best best;
  Position at;
  Watch watch;
  double plus;      /* held-out E+ at the start of the NAE phase */
  double gamma;     /* absolute */
  double minus_sum; /* E- of the steps since the last validation, those of the warm-up left out */
  int64_t minus_steps;
  double row_plus, row_minus; /* sums of E+ and E- over the steps since the last log row */
  int64_t log_bytes;
} State;

/* chains: the split of all chains (items 0: no negative phase). Owns: free with state_free. */
State state_new(const Net *net, const TrainOpts *opts, const Split *chains);
void state_free(State *state);
/* Step 0: initial weights and spectral vectors, nothing learned. */
void state_start(State *state, uint64_t seed);
/* The same with these parameters w (P). */
void state_start_with(State *state, const float *w, uint64_t seed);
void state_snapshot(State *state);
void state_rollback(State *state);
/* Forget the sums of E+ and E-: a new phase, or what they hold is void. */
void state_clear_sums(State *state);
/* Make the present weights the best ones. */
void state_keep_best(State *state, double metric);
/* The best weights are the present ones. */
void state_take_best(State *state);
/* Forget what the optimizer learned: moments, exponents, replay. */
void state_fresh_optimizer(State *state);

enum { STATE_FIELDS = 72 };
/* The state as fields of a checkpoint; returns how many. Borrows: valid as long as the state. */
int state_fields(State *state, Field field[STATE_FIELDS]);

#endif
