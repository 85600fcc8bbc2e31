/* The table of distances. */
#include <string.h>

#include "obj/distance.h"

extern const Distance distance_mse, distance_masked, distance_bernoulli, distance_chamfer,
    distance_chamfer_pt;
static const Distance *const table[] = {&distance_mse, &distance_masked, &distance_bernoulli,
                                        &distance_chamfer, &distance_chamfer_pt};
enum { DISTANCES = sizeof table / sizeof *table };

const Distance *distance_at(int i) { return i >= 0 && i < DISTANCES ? table[i] : NULL; }

const Distance *distance_find(const char *name) {
  for (int i = 0; i < DISTANCES; i++)
    if (!strcmp(table[i]->name, name)) return table[i];
  return NULL;
}
