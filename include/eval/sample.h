/* Samples from a model, into a file: /x, /z and /energy, one row per sample, the same bits for
 * any number of ranks and threads. Two kinds of models have a distribution of their own:
 *
 *   a VAE    z from the prior N(0, 1), x = D(z); or z along a walk through its latent space:
 *            line  so many points from one draw of the prior to another
 *            grid  so many times so many points in the plane of the first two features of the
 *                  code, from -2 to 2, the others 0
 *   an NAE   its own chains (obj/negative.h) from fresh starts: what the latent chain ends with,
 *            decoded, is /x_latent, what the visible chain ends with /x; chains that start in x
 *            (pcd) leave neither /x_latent nor /z */
#ifndef EVAL_SAMPLE_H
#define EVAL_SAMPLE_H

#include "base/provenance.h"
#include "model/model.h"
#include "obj/negative.h"
#include "par/comm.h"

typedef enum Walk { WALK_NONE, WALK_LINE, WALK_GRID } Walk;

typedef struct SampleOpts {
  long count; /* samples, or lines */
  uint64_t seed;
  Walk walk;
  int walk_steps;
  const NegativeOpts *chains; /* of an NAE; NULL: from the prior */
  int threads;
} SampleOpts;

/* What the chains did. */
typedef struct Sampled {
  long rows;
  double z_accepted, x_accepted; /* shares; NaN: nothing was proposed */
} Sampled;

/* Collective. Errors: cannot write. */
Err samples_save(const Comm *comm, const char *path, const Model *model, const SampleOpts *opts,
                 const Fact *facts, Sampled *sampled);

#endif
