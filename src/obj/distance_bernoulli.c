/* Cross-entropy of pixels x in [0, 1] with a reconstruction y in (0, 1), the Bernoulli likelihood
 * of a variational autoencoder (arXiv 1312.6114, appendix C.1), less its value at y = x:
 *   d(x, y) = mean of x log(x / y) + (1 - x) log((1 - x) / (1 - y))
 * so that a perfect reconstruction has energy zero. */
#include "num/elem.h"
#include "obj/distance.h"

extern const Distance distance_bernoulli;

/* y is kept this far from 0 and 1, where the logarithm ends. */
static const double margin = 1e-6;

static double inside(double p) { return p < margin ? margin : p > 1 - margin ? 1 - margin : p; }

static double part(double x, double y) { return x > 0 ? x * elem_log(x / y) : 0; }

static void bernoulli(double d[L], float *dy, const float *y, const float *x, Shape shape) {
  long dim = shape_size(shape);
  double sum[L] = {0};
  for (long i = 0; i < dim * L; i++) {
    double p = inside((double)y[i]), q = (double)x[i];
    sum[i % L] += part(q, p) + part(1 - q, 1 - p);
    double slope = (p - q) / (p * (1 - p) * (double)dim);
    bool outward = p != (double)y[i] && ((double)y[i] < p) == (slope > 0); /* d is flat there */
    if (dy) dy[i] = outward ? 0 : (float)slope;
  }
  for (int l = 0; l < L; l++) d[l] = sum[l] / (double)dim;
}

const Distance distance_bernoulli = {
    .name = "bernoulli",
    .help = "cross-entropy of pixels from 0 to 1, less its least value",
    .likelihood = true,
    .eval = bernoulli};
