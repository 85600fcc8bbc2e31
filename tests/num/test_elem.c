/* Elementary functions within an ulp of long double; choosing an ISA; the control word. */
#include <string.h>

#include "near.h"
#include "num/elem.h"
#include "num/isa.h"
#include "num/rng.h"

/* Distance in units of the last place of the wanted value. */
static double ulps(double found, long double want) {
  double nearest = (double)want, step = nextafter(fabs(nearest), INFINITY) - fabs(nearest);
  return (double)fabsl((long double)found - want) / step;
}

static void test_accuracy(void **state) {
  RngKey key = rng_key(1, RNG_SAMPLE);
  for (uint64_t i = 0; i < 20000; i++) {
    double u = rng_uniform(key, i, 0, 0), v = rng_uniform(key, i, 0, 1);
    double x = 40 * u - 20, positive = ldexp(u, (int)(200 * v) - 100);
    assert_true(ulps(elem_exp(x), expl(x)) <= 1);
    assert_true(ulps(elem_log(positive), logl(positive)) <= 1);
    assert_true(ulps(elem_log1p(u - 0.5), log1pl((long double)u - 0.5L)) <= 1);
    assert_true(ulps(elem_pow(positive, v), powl(positive, v)) <= 1);
    assert_true(ulps(elem_tanh(x / 8), tanhl(x / 8)) <= 1);
    assert_true(ulps(elem_atan2(u - 0.5, v - 0.5), atan2l(u - 0.5, v - 0.5)) <= 1);
    double turn = 2 * u - 1;
    assert_near(elem_sinpi(turn), (double)sinl(M_PIl * turn), 2e-16);
    assert_near(elem_cospi(turn), (double)cosl(M_PIl * turn), 2e-16);
  }
}

static void test_ends(void **state) {
  assert_true(elem_exp(0) == 1 && elem_log(1) == 0 && elem_cospi(0) == 1 && elem_sinpi(1) == 0);
  assert_true(elem_cospi(0.5) == 0 && elem_cospi(1) == -1 && elem_sinpi(0.5) == 1);
  assert_true(isinf(elem_log(0)) && isnan(elem_log(-1)) && elem_exp(-INFINITY) == 0);
  assert_true(elem_pow(2, 10) == 1024 && elem_tanh(INFINITY) == 1);
}

static void test_choose(void **state) {
  for (int isa = ISA_C; isa < ISA_COUNT; isa++) {
    Err e = isa_use(isa_name((Isa)isa));
    assert_int_equal(e, isa_supported((Isa)isa) ? OK : ERR_USER);
    if (!e) assert_int_equal(isa_current(), isa);
  }
  assert_int_equal(isa_use("auto"), OK);
  assert_int_equal(isa_current(), isa_best());
  assert_int_equal(isa_use("sse9"), ERR_USER);
  assert_non_null(strstr(err_message(), "isa: found sse9, want one of: auto, c"));
}

static void test_subnormals_live(void **state) {
#if defined(__x86_64__)
  __builtin_ia32_ldmxcsr(0x1f80 | 0x8040); /* flush to zero, denormals are zero */
  volatile float tiny = 0x1p-130f;
  assert_true(tiny * 0.5f == 0);
  isa_fp_control();
  assert_true(tiny * 0.5f == 0x1p-131f);
#endif
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_accuracy),
      cmocka_unit_test(test_ends),
      cmocka_unit_test(test_choose),
      cmocka_unit_test(test_subnormals_live),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
