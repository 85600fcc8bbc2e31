/* Everything that training can be told, as plain numbers; the option table (app/options.c) fills
 * it. */
#ifndef TRAIN_OPTS_H
#define TRAIN_OPTS_H

#include <stdbool.h>
#include <stdint.h>

#include "mcmc/sampler.h"
#include "obj/negative.h"
#include "obj/objective.h"

typedef enum Schedule { SCHEDULE_CONSTANT, SCHEDULE_COSINE, SCHEDULE_STEP } Schedule;
typedef enum Optimizer { OPT_ADAM, OPT_ADAMW } Optimizer;

/* One phase: plain autoencoder, then normalised autoencoder. */
typedef struct PhaseOpts {
  int epochs;
  double rate;
  double clip;  /* global norm of the gradient, 0: none */
  int patience; /* stop after so many validations in a row without improvement, 0: never */
} PhaseOpts;

typedef enum TemperatureMode { T_FIXED, T_AUTO, T_TRAINED } TemperatureMode;
typedef enum ScaleMode { SCALE_FIXED, SCALE_TRAINED } ScaleMode;
typedef enum GammaUnit { GAMMA_RELATIVE, GAMMA_ABSOLUTE } GammaUnit;
/* SELECT_WASSERSTEIN: W between held-out samples and negatives, in the NAE phase.
 * SELECT_AUTO: the gap where that tells something (gap_tells), else the last. */
typedef enum SelectBy {
  SELECT_LOSS,
  SELECT_GAP,
  SELECT_AUC,
  SELECT_LAST,
  SELECT_AUTO,
  SELECT_WASSERSTEIN
} SelectBy;

typedef struct NaeOpts {
  NegativeMode mode;
  long chains;                       /* 0: the batch size */
  const char *z_sampler, *x_sampler; /* names */
  ChainOpts z, x;                    /* temperature, sphere, row filled by training */
  TemperatureMode temperature_mode;
  double temperature;      /* T_FIXED: T */
  double z_temperature;    /* 0: as T */
  double temperature_rate; /* T_TRAINED: rate of log T */
  /* of E-^2. The factor of grad E- is gamma 2 E- - c, with c the contrastive term's: in units of
   * 1/E+ a gamma of 1/2 turns its sign at E- = E+ already. */
  double gamma;
  GammaUnit gamma_unit;
  int replay_slots;
  double replay_ratio;
  int warmup_steps; /* mala: l adapts during the first steps, aim 0.57 */
  bool x_warm;
  RecoveryOpts recovery; /* mpdr */
  /* mpdr, T_FIXED: the energy is s times the error, s = exp(log s) may be trained. Only s/T counts,
   * so that the state's T is that of the options over s; rate: temperature_rate. */
  ScaleMode scale;
} NaeOpts;

typedef struct GuardOpts {
  int steps;                  /* snapshot interval */
  double band_low, band_high; /* healthy E-/E+ */
  int rows;                   /* log rows in a row outside the band */
  int rollbacks;              /* give up after so many */
  double rate_factor;         /* rate after a rollback */
} GuardOpts;

typedef struct TrainOpts {
  char objective[24]; /* "ae", "nae", ... */
  char energy[24];    /* "mse", ...: obj/distance.h */
  char pretrain[24];  /* the objective of a contrastive objective's first phase */
  ObjectiveOpts obj;
  long components; /* objective pca */
  long batch;      /* global, a multiple of 16 */
  int leaf;        /* tiles of a leaf */
  PhaseOpts ae, nae;
  long steps; /* stop after so many optimizer steps in all, 0: no limit */
  Optimizer optimizer;
  double beta1, beta2, epsilon, decay;
  Schedule schedule;
  int schedule_step;      /* epochs per step of SCHEDULE_STEP */
  double schedule_factor; /* its factor; SCHEDULE_COSINE: final over first rate */
  double l2_encoder, l2_decoder;
  NaeOpts chain;
  GuardOpts guard;
  SelectBy select;
  bool wasserstein;      /* that W into the log, whatever the choice */
  long log_steps;        /* a log row every so many steps */
  bool tensorboard;      /* and event files, too */
  long validate_epochs;  /* validation every so many epochs */
  long checkpoint_steps; /* 0: only at the end and when stopped */
  double checkpoint_minutes;
  double wall_minutes;     /* stop (exit 75) after so many, 0: none */
  double margin_minutes;   /* and so long before the batch system ends the job */
  double watchdog_minutes; /* end when ranks wait for others longer than that, 0: never */
  int threads;             /* 0: comm_threads */
  uint64_t seed;
  bool fresh; /* start over in a directory that has a run */
} TrainOpts;

TrainOpts train_defaults(void);
/* Local. Errors: options that do not go together, or not with the network and the number of
 * samples. */
Err train_check(const TrainOpts *opts, const Net *net, long samples);
/* Errors: a sampler's options that do not go together; which: 'z' or 'x'. */
Err chain_check(char which, const char *sampler, const ChainOpts *chain);

#endif
