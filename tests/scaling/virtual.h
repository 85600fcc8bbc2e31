/* What replaces the arithmetic of tiles when the step runs on simulated ranks: the doors of obj/
 * and of a data tile, behind which only time passes, on the simulator's clock. Everything around
 * them is the program's own: who owns which tile, exact sums, packet, reductions, update. */
#ifndef SCALING_VIRTUAL_H
#define SCALING_VIRTUAL_H

typedef struct Costs {
  double leaf_s;   /* parameter pass of one tile */
  double chains_s; /* trajectories of a tile of chains */
  double rank_s;   /* what every rank does in a step, tiles or not: packing, update */
  double word_s;   /* one addition of the reduction */
} Costs;

/* Of this rank, from now on. */
void virtual_costs(const Costs *costs);
void virtual_spend(double seconds);
double virtual_now(void); /* seconds */

/* What the virtual tiles give: every energy, and every element of a leaf's gradient. */
static const double virtual_energy = 1;
static const float virtual_gradient = 0x1p-10F;

#endif
