/* Annealed importance sampling against integrals known in closed form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "mcmc/anneal.h"
#include "mcmc/importance.h"

enum { CHAINS = 512, MAX_DIM = 100 };
static const double PI = 3.14159265358979323846;

static float mean[MAX_DIM], scale[MAX_DIM];
static double log_w[CHAINS];

/* sum (x - 0.3)^2 / (2 width^2), widths from 0.5 to 1.5 */
static double width(long i) { return 0.5 + (double)(i % 5) / 4; }

static void gauss(void *self, double e[L], float *dx, const float *x) {
  const Energy *energy = *(const Energy **)self;
  for (int l = 0; l < L; l++) {
    e[l] = 0;
    for (long i = 0; i < energy->dim; i++) {
      double t = ((double)x[L * i + l] - 0.3) / width(i);
      e[l] += t * t / 2;
      if (dx) dx[L * i + l] = (float)(t / width(i));
    }
  }
}

static double gauss_log_omega(long dim, double t) {
  double sum = 0;
  for (long i = 0; i < dim; i++) sum += log(width(i)) + 0.5 * log(2 * PI * t);
  return sum;
}

/* -log of exp(-|x - a|^2/2) + 3 exp(-|x + a|^2/2), a = 2 in the first direction: 4 (2 pi)^(d/2) */
static void two_modes(void *self, double e[L], float *dx, const float *x) {
  long dim = (*(const Energy **)self)->dim;
  for (int l = 0; l < L; l++) {
    double first = x[l], p = exp(2 * first), q = 3 * exp(-2 * first), rest = 0;
    for (long i = 0; i < dim; i++) rest += (double)x[L * i + l] * (double)x[L * i + l];
    e[l] = rest / 2 + 2 - log(p + q);
    for (long i = 0; dx && i < dim; i++)
      dx[L * i + l] = (float)((double)x[L * i + l] - (i ? 0 : 2 * (p - q) / (p + q)));
  }
}

/* Von Mises and Fisher's density in three dimensions, concentration 5. */
static void pole(void *self, double e[L], float *dx, const float *x) {
  for (int l = 0; l < L; l++) e[l] = -5 * (double)x[2 * L + l];
  if (!dx) return;
  memset(dx, 0, 3 * L * sizeof *dx);
  for (int l = 0; l < L; l++) dx[2 * L + l] = -5;
}

static void zero(void *self, double e[L], float *dx, const float *x) {
  long dim = (*(const Energy **)self)->dim;
  memset(e, 0, L * sizeof *e);
  if (dx) memset(dx, 0, (size_t)dim * L * sizeof *dx);
}

static uint64_t seed = 1;

static Evidence weigh(Energy energy, double temperature, bool sphere, int rungs) {
  const Energy *self = &energy;
  energy.self = &self;
  AnnealOpts opts = {&energy, temperature, mean, scale, sphere, rungs, 2, seed};
  for (int i = 0; i < MAX_DIM; i++)
    mean[i] = 0.1f * (float)(i % 3), scale[i] = 1.25f + 0.25f * (float)(i % 4);
  Anneal anneal = anneal_new(&opts);
  anneal_pilot(&anneal);
  for (int k = 0; k < CHAINS; k += L) anneal_weigh(&anneal, log_w + k, (uint64_t)k);
  Evidence e = importance_evidence(log_w, CHAINS, anneal_base(&anneal));
  anneal_free(&anneal);
  return e;
}

/* Within four errors, and an error worth having. */
static void check(Evidence e, double want) {
  if (fabs(e.log_omega - want) > 4 * e.error + 1e-5)
    fail_msg("found %g +- %g, want %g", e.log_omega, e.error, want);
  assert_true(!e.collapsed && e.trust != TRUST_NONE);
  assert_true(e.error < 0.2);
  assert_true(e.effective <= CHAINS * (1 + 1e-9));
}

static void test_gauss(void **state) {
  check(weigh((Energy){3, gauss, NULL}, 0.7, false, 30), gauss_log_omega(3, 0.7));
  check(weigh((Energy){16, gauss, NULL}, 0.7, false, 60), gauss_log_omega(16, 0.7));
  check(weigh((Energy){100, gauss, NULL}, 0.7, false, 500), gauss_log_omega(100, 0.7));
}

static void test_two_modes(void **state) {
  check(weigh((Energy){2, two_modes, NULL}, 1, false, 60), log(4) + log(2 * PI));
}

static void test_sphere(void **state) {
  check(weigh((Energy){3, pole, NULL}, 1, true, 30), log(4 * PI * sinh(5) / 5));
  check(weigh((Energy){3, pole, NULL}, 0.5, true, 60), log(4 * PI * sinh(10) / 10));
  check(weigh((Energy){3, zero, NULL}, 1, true, 4), log(4 * PI));
  check(weigh((Energy){4, zero, NULL}, 1, true, 4), log(2 * PI * PI));
  check(weigh((Energy){2, zero, NULL}, 1, true, 4), log(2 * PI));
}

static void test_bad_ladder(void **state) {
  Evidence e = weigh((Energy){100, gauss, NULL}, 0.7, false, 2);
  assert_true(e.collapsed && e.trust == TRUST_NONE);
}

/* Off by how many errors. */
static double off(Evidence e, double want) { return fabs(e.log_omega - want) / e.error; }

/* A ladder of eight rungs in sixteen dimensions is often wrong by more than it says, and says so,
 * also where the weights have not collapsed. */
static void test_wrong_is_bad(void **state) {
  int wrong = 0, standing = 0;
  for (seed = 1; seed <= 20; seed++) {
    Evidence e = weigh((Energy){16, gauss, NULL}, 0.7, false, 8);
    if (off(e, gauss_log_omega(16, 0.7)) < 3) continue;
    wrong++;
    standing += !e.collapsed;
    assert_int_equal(e.trust, TRUST_NONE);
  }
  seed = 1;
  print_message("%d of 20 off by three errors, %d of them not collapsed\n", wrong, standing);
  assert_true(wrong >= 2 && standing >= 1);
}

/* Of 80 that are called good, 68 % within one error and 95 % within two. */
static void test_honest(void **state) {
  int one = 0, two = 0;
  for (seed = 1; seed <= 20; seed++) {
    double offs[] = {
        off(weigh((Energy){3, gauss, NULL}, 0.7, false, 15), gauss_log_omega(3, 0.7)),
        off(weigh((Energy){8, gauss, NULL}, 0.7, false, 30), gauss_log_omega(8, 0.7)),
        off(weigh((Energy){2, two_modes, NULL}, 1, false, 15), log(4) + log(2 * PI)),
        off(weigh((Energy){3, pole, NULL}, 1, true, 15), log(4 * PI * sinh(5) / 5))};
    for (int k = 0; k < 4; k++) one += offs[k] < 1, two += offs[k] < 2;
  }
  seed = 1;
  print_message("within one error %d, within two %d of 80\n", one, two);
  assert_true(one >= 46 && one <= 66 && two >= 72);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_gauss),        cmocka_unit_test(test_two_modes),
      cmocka_unit_test(test_sphere),       cmocka_unit_test(test_bad_ladder),
      cmocka_unit_test(test_wrong_is_bad), cmocka_unit_test(test_honest),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
