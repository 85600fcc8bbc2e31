/* Training: the step loop over data-parallel replicas and distributed chains, its state, its log.
 *
 * One step: power iteration and packing; the negative phase (chains, nothing exchanged); the
 * parameter passes leaf by leaf; one exact all-reduce; the same update on every rank. A run
 * directory holds config.yaml, provenance.json, log.csv, model.h5 and checkpoints/. */
#ifndef TRAIN_TRAIN_H
#define TRAIN_TRAIN_H

#include "base/err.h"
#include "data/dataset.h"
#include "data/stream.h"
#include "net/net.h"
#include "par/comm.h"
#include "train/opts.h"

typedef struct TrainInput {
  const Dataset *data;       /* training file */
  Stream *stream;            /* brings its samples, batch by batch; NULL: they are in memory */
  Subset train, valid;       /* normal class: to train on, to validate on */
  const Dataset *valid_data; /* the data set that `valid` indexes (may be `data`) */
  Subset signal;       /* labelled anomalies among valid_data, for the logged AUC; n = 0: none */
  float *mean, *scale; /* (dim) by which the samples were standardised; NULL: they were not */
  const float *start;  /* (P) parameters to begin with; NULL: random ones */
  uint64_t start_hash; /* of them; 0: they follow from the rest */
  Manifolds manifolds; /* frozen autoencoders of mpdr, in whose units the samples are */
  const uint64_t *manifold_hash; /* (manifolds) of their weights */
  const char *config;            /* resolved configuration, canonical text: result options only */
  const char *config_full;       /* everything, for config.yaml */
  const char *out;               /* run directory */
  const char *whole; /* of which the run is a part: a file `stop` there counts, too; NULL: none */
  Order order;       /* in which an epoch takes `train` */
} TrainInput;

/* Collective. Train in the run directory: starts, continues or says that it is finished.
 * Errors: options that cannot be, a directory of another configuration (the difference is shown),
 * checkpoints of which none is valid, disk full; ERR_STOPPED when stopped early and resumable. */
Err train_run(const Comm *comm, const TrainOpts *opts, const NetSpec *spec,
              const TrainInput *input);

#endif
