/* Fits of the generalized Pareto distribution against ArviZ's, and against what samples came from. */
#include "near.h"

#include <stdlib.h>

#include "num/pareto.h"
#include "pareto_values.h"
#include "words.h"

enum { MOST = 20000 };
static double x[MOST];

static int ascending(const void *a, const void *b) {
  double p = *(const double *)a, q = *(const double *)b;
  return (p > q) - (p < q);
}

/* Of scale 2. */
static void sample(double shape, long n) {
  uint64_t state = (uint64_t)n;
  for (long i = 0; i < n; i++) x[i] = 2 * (pow(1 - words_uniform(&state), -shape) - 1) / shape;
  qsort(x, (size_t)n, sizeof *x, ascending);
}

static const double shape_of[] = {-0.5, 0.1, 0.4, 0.7, 1.5};

static void as_arviz(void **state) {
  const long size[] = {5, 20, 67, 1000};
  for (int k = 0; k < 5; k++)
    for (int n = 0; n < 4; n++) {
      sample(shape_of[k], size[n]);
      Pareto fit = pareto_fit(x, size[n]);
      assert_near(fit.shape, shapes[k][n], 1e-8);
      assert_near(fit.scale, scales[k][n], 1e-8);
    }
}

/* Four errors of the most likely shape, (1 + k)/sqrt(n), and what the prior draws. */
static void known_shapes(void **state) {
  for (int k = 1; k < 5; k++) {
    sample(shape_of[k], MOST);
    Pareto fit = pareto_fit(x, MOST);
    assert_near(fit.shape, shape_of[k], 4 * (1 + shape_of[k]) / sqrt(MOST) + 10. / MOST);
    assert_near(fit.scale, 2, 0.1);
  }
}

/* Units change the scale alone. */
static void any_units(void **state) {
  sample(0.4, 67);
  Pareto fit = pareto_fit(x, 67);
  for (int i = 0; i < 67; i++) x[i] *= 1e-250;
  Pareto small = pareto_fit(x, 67);
  assert_near(small.shape, fit.shape, 1e-9);
  assert_near(small.scale * 1e250, fit.scale, 1e-9);
}

/* Exponential, uniform, and a tail of x^-5. */
static void moments(void **state) {
  assert_near(pareto_mean((Pareto){0, 3}), 3, 1e-12);
  assert_near(pareto_variance((Pareto){0, 3}), 9, 1e-12);
  assert_near(pareto_mean((Pareto){-1, 3}), 1.5, 1e-12);
  assert_near(pareto_variance((Pareto){-1, 3}), 9. / 12, 1e-12);
  assert_near(pareto_mean((Pareto){0.25, 1}), 4. / 3, 1e-12);
  assert_near(pareto_variance((Pareto){0.25, 1}), 32. / 9, 1e-12);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(as_arviz), cmocka_unit_test(known_shapes),
                                     cmocka_unit_test(any_units), cmocka_unit_test(moments)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
