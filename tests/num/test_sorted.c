/* Quantiles against those of numpy.quantile (linear), worked out by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "num/sorted.h"

static void numbers_in_order(void **state) {
  double x[] = {3, NAN, -INFINITY, 1, NAN, 2, 2};
  const double want[] = {-INFINITY, 1, 2, 2, 3};
  assert_int_equal(sorted_numbers(x, 7), 5);
  for (int i = 0; i < 5; i++) assert_true(x[i] == want[i]);
}

static void quantiles(void **state) {
  const double x[] = {1, 2, 4, 8};
  assert_true(sorted_quantile(x, 4, 0) == 1);
  assert_true(sorted_quantile(x, 4, 1) == 8);
  assert_true(sorted_quantile(x, 4, 0.5) == 3);
  assert_true(sorted_quantile(x, 4, 0.25) == 1.75);
  assert_true(sorted_quantile(x, 1, 0.3) == 1);
  assert_true(isnan(sorted_quantile(x, 0, 0.5)));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(numbers_in_order),
                                     cmocka_unit_test(quantiles)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
