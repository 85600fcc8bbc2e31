/* The plain autoencoder: mean E(x). */
#include "obj/objective.h"

extern const Objective objective_ae;
const Objective objective_ae = {
    .name = "ae", .help = "autoencoder: mean reconstruction error", .leaf = leaf_plain};
