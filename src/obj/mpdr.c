/* Manifold projection-diffusion recovery: the energy of data against that of negatives which
 * chains find near each datum, started from a diffused projection on the manifold of a frozen
 * autoencoder (obj/recovery.h). Source: arXiv 2310.18677, algorithm 1. The leaf is that of the
 * normalised autoencoder. */
#include "obj/objective.h"

extern const Objective objective_mpdr;
const Objective objective_mpdr = {
    .name = "mpdr",
    .help = "manifold projection-diffusion recovery: E of data down, E of what chains make of "
            "their diffused codes up",
    .contrastive = true,
    .manifold = true,
    .leaf = leaf_plain};
