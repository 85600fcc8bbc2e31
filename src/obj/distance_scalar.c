/* Not a distance: E(x) is the one output of a network without decoder. It may be of any sign and
 * unit, so that E-/E+ and multiples of E+ say nothing. */
#include "obj/distance.h"

extern const Distance distance_scalar;

static void scalar(double d[L], float *dy, const float *y, const float *x, Shape shape) {
  for (int l = 0; l < L; l++) d[l] = (double)y[l];
  for (int l = 0; dy && l < L; l++) dy[l] = 1;
}

static void scalar_tangent(float *dyt, const float *yt, const float *x, const float *xt,
                           Shape shape) {
  for (int l = 0; l < L; l++) dyt[l] = 0;
}

/* x is seen through the network alone. */
static void scalar_input(float *dx, const float *dy, Shape shape) {}

const Distance distance_scalar = {
    .name = "scalar",
    .help = "no reconstruction: the one output of a network without decoder",
    .scalar = true,
    .eval = scalar,
    .input = scalar_input,
    .tangent = scalar_tangent};
