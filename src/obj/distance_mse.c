/* Squared errors: over all features (arXiv 2105.05735, eq. 3),
 *   d(x, y) = |y - x|^2 / dim
 * or over the features of the points that are there,
 *   d(x, y) = sum over present points of |y_t - x_t|^2 / (features * points present) */
#include "num/rows.h"
#include "obj/distance.h"

extern const Distance distance_mse, distance_masked;

static void mse(double d[L], float *dy, const float *y, const float *x, Shape shape) {
  long dim = shape_size(shape);
  rows()->squares(d, dy, y, x, (float)(2 / (double)dim), dim);
  for (int l = 0; l < L; l++) d[l] /= (double)dim;
}

static void mse_tangent(float *dyt, const float *yt, const float *x, const float *xt,
                        Shape shape) {
  long dim = shape_size(shape);
  rows()->squares(NULL, dyt, yt, xt, (float)(2 / (double)dim), dim);
}

/* The gradient to x is the opposite of that to y. */
static void opposite(float *dx, const float *dy, Shape shape) {
  float minus[L];
  for (int l = 0; l < L; l++) minus[l] = -1;
  rows()->axpy(dx, minus, dy, shape_size(shape));
}

const Distance distance_mse = {.name = "mse",
                               .help = "mean squared error",
                               .squared = true,
                               .likelihood = true,
                               .eval = mse,
                               .input = opposite,
                               .tangent = mse_tangent};

/* NaN counts as there, also where it is alone and num/point.h says no: the energy shows it. */
static bool present(const float *x, Shape shape, int point, int l) {
  for (int c = 0; c < shape.c; c++)
    if (x[((long)c * shape.w + point) * L + l] != 0) return true;
  return false;
}

/* One over the features of the points that are there. */
static double unit_of(const float *x, Shape shape, int l) {
  long points = 0;
  for (int t = 0; t < shape.w; t++) points += present(x, shape, t, l);
  return 1 / ((double)shape.c * (double)(points > 0 ? points : 1));
}

static void masked(double d[L], float *dy, const float *y, const float *x, Shape shape) {
  for (int l = 0; l < L; l++) {
    double sum = 0, unit = unit_of(x, shape, l);
    for (int t = 0; t < shape.w; t++) {
      bool counts = present(x, shape, t, l);
      for (int c = 0; c < shape.c; c++) {
        long i = ((long)c * shape.w + t) * L + l;
        double r = counts ? (double)y[i] - (double)x[i] : 0;
        sum += r * r;
        if (dy) dy[i] = (float)(2 * unit * r);
      }
    }
    d[l] = sum * unit;
  }
}

static void masked_tangent(float *dyt, const float *yt, const float *x, const float *xt,
                           Shape shape) {
  float slope[L];
  for (int l = 0; l < L; l++) slope[l] = (float)(2 * unit_of(x, shape, l));
  rows()->squares(NULL, dyt, yt, xt, 1, shape_size(shape));
  rows()->scale(dyt, slope, shape_size(shape));
  rows()->clear_absent(dyt, x, shape.c, shape.w);
}

static Err masked_check(Shape shape) {
  if (shape.h == 1) return OK;
  return err_user("found samples of %d x %d x %d, want sequences: features x 1 x points", shape.c,
                  shape.h, shape.w);
}

const Distance distance_masked = {.name = "masked",
                                  .help =
                                      "mean squared error over the constituents that are there",
                                  .points = true,
                                  .eval = masked,
                                  .input = opposite,
                                  .tangent = masked_tangent,
                                  .check = masked_check};
