/* The table of distances. */
#include <string.h>

#include "obj/distance.h"

extern const Distance distance_mse, distance_masked, distance_bernoulli, distance_chamfer,
    distance_chamfer_pt, distance_scalar;
static const Distance *const table[] = {&distance_mse,        &distance_masked,
                                        &distance_bernoulli,  &distance_chamfer,
                                        &distance_chamfer_pt, &distance_scalar};
enum { DISTANCES = sizeof table / sizeof *table };

const Distance *distance_at(int i) { return i >= 0 && i < DISTANCES ? table[i] : NULL; }

const Distance *distance_find(const char *name) {
  for (int i = 0; i < DISTANCES; i++)
    if (!strcmp(table[i]->name, name)) return table[i];
  return NULL;
}

bool distance_leaves_out(const Distance *distance, const Net *net) {
  return distance->points || net_reads_points(net);
}

Err distance_suits(const Distance *distance, const Net *net) {
  if (distance->scalar && !net_scalar(net))
    return err_user("energy: found scalar for a network with a decoder, want net.decoder [] and "
                    "an encoder that ends with one feature");
  if (!distance->scalar && net_scalar(net))
    return err_user("energy: found %s for a network without decoder, want scalar, or layers in "
                    "net.decoder",
                    distance->name);
  Err e = distance->check ? distance->check(net->input) : OK;
  return e ? err_where(e, "energy %s: ", distance->name) : OK;
}
