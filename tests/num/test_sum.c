/* Sums of doubles against __float128 and against themselves in another order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "num/rng.h"
#include "num/sum.h"

enum { TERMS = 3000 };

/* Signs mixed; sizes from 2^-30 to 2^30. */
static double term(int i) {
  RngKey key = rng_key(1, RNG_SAMPLE);
  double u = rng_uniform(key, (uint64_t)i, 0, 0), v = rng_uniform(key, (uint64_t)i, 0, 1);
  return ldexp(2 * u - 1, (int)(60 * v) - 30);
}

static void sums_are_those_of_a_wider_type(void **state) {
  Sum sum = {0};
  __float128 want = 0;
  for (int i = 0; i < TERMS; i++) {
    sum_add(&sum, term(i));
    want += (__float128)term(i);
    Sum copy = sum;
    double found = sum_value(&copy), error = (double)((__float128)found - want);
    assert_true(fabs(error) <= 2 * 0x1p-53 * fabs((double)want));
  }
}

/* Backwards, and in three parts that are added digit by digit. */
static void order_and_parts_do_not_matter(void **state) {
  Sum all = {0}, back = {0}, part[3] = {0};
  for (int i = 0; i < TERMS; i++) sum_add(&all, term(i));
  for (int i = TERMS - 1; i >= 0; i--) sum_add(&back, term(i));
  for (int i = 0; i < TERMS; i++) sum_add(&part[i % 3], term(i));
  for (int p = 0; p < 3; p++) sum_carry(&part[p]);
  for (int k = 0; k < SUM_DIGITS; k++) part[0].digit[k] += part[1].digit[k] + part[2].digit[k];
  double want = sum_value(&all), found[2] = {sum_value(&back), sum_value(&part[0])};
  assert_memory_equal(&want, &found[0], sizeof want);
  assert_memory_equal(&want, &found[1], sizeof want);
}

static void large_and_small_cancel_exactly(void **state) {
  const double x[] = {0x1p1000,  0x1p-1074, -0x1p1000,    3,
                      0x1p-1074, -3,        -0x1.8p-1020, 0x1.8p-1020};
  Sum sum = {0};
  for (size_t i = 0; i < sizeof x / sizeof *x; i++) sum_add(&sum, x[i]);
  assert_true(sum_value(&sum) == 0x1p-1073);
  sum_add(&sum, -0x1p-1072);
  assert_true(sum_value(&sum) == -0x1p-1073);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sums_are_those_of_a_wider_type),
      cmocka_unit_test(order_and_parts_do_not_matter),
      cmocka_unit_test(large_and_small_cancel_exactly),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
