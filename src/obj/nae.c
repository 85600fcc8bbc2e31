/* The normalised autoencoder: p(x) = exp(-E(x)/T) / Omega, with the gradient of the
 * log-likelihood from negatives that Markov chains draw (obj/negative.h). Source: arXiv
 * 2105.05735, eqs. 3 to 6. A leaf is data or negatives; the signs and gamma are in its linear and
 * quadratic factors, and no gradient flows through the chain. */
#include "obj/objective.h"

extern const Objective objective_nae;
const Objective objective_nae = {
    .name = "nae",
    .help = "normalised autoencoder: E of data down, E of samples from the model up",
    .contrastive = true,
    .leaf = leaf_plain};
