/* The mean of weights, its error, and whether that is believed: against weights of known mean and
 * tail, and ArviZ's shapes. */
#include "../num/near.h"

#include "../num/words.h"
#include "mcmc/importance.h"
#include "tail_values.h"

enum { MOST = 2500, TIMES = 400 };
static double log_w[MOST];

/* Hand-made weights 1, 1, 2: mean 4/3, (sum)^2 / sum of squares 16/6. */
static void summary(void **state) {
  const double three[] = {1000, 1000, 1000 + log(2)}, none[] = {-INFINITY, NAN};
  Evidence e = importance_evidence(three, 3, 0.5);
  assert_near(e.log_omega, 1000.5 + log(4. / 3), 1e-9);
  assert_near(e.effective, 16. / 6, 1e-9);
  assert_near(e.error, 0.25, 1e-9); /* sd 1/sqrt(3), over sqrt(3), over 4/3 */
  assert_true(isnan(e.tail) && e.trust == TRUST_NONE);
  e = importance_evidence(none, 2, 0);
  assert_true(isnan(e.log_omega) && e.collapsed && e.trust == TRUST_NONE);
}

/* A few chains that got stuck weigh nothing; a few that weigh everything are another matter, and
 * so is one that weighs infinitely much or no number at all. */
static void outliers(void **state) {
  for (int k = 0; k < 100; k++) log_w[k] = k % 2 ? 0.5 : -0.5;
  double spread = importance_evidence(log_w, 100, 0).spread;
  log_w[0] = -1000;
  Evidence e = importance_evidence(log_w, 100, 0);
  assert_false(e.collapsed);
  assert_true(e.spread == spread);
  const double bad[] = {40, INFINITY, -INFINITY, NAN};
  for (int k = 0; k < 4; k++) {
    log_w[0] = bad[k];
    e = importance_evidence(log_w, 100, 0);
    assert_true(e.collapsed && e.trust == TRUST_NONE);
  }
  for (int k = 0; k < 100; k++) log_w[k] = k ? 0 : -INFINITY; /* it counts among those averaged */
  assert_near(importance_evidence(log_w, 100, 0).log_omega, log(0.99), 1e-12);
}

/* Weights (u / (1 - u))^c with a tail of shape c. */
static void logistic(double c, long n) {
  uint64_t state = (uint64_t)n;
  for (long k = 0; k < n; k++) {
    double u = words_uniform(&state);
    log_w[k] = c * (log(u) - log(1 - u));
  }
}

static void as_arviz(void **state) {
  const double slope[] = {0.1, 0.3, 0.6, 1.2};
  const long chains[] = {100, 400, 2500};
  for (int c = 0; c < 4; c++)
    for (int n = 0; n < 3; n++) {
      logistic(slope[c], chains[n]);
      assert_near(importance_evidence(log_w, chains[n], 0).tail, tails[c][n], 1e-8);
    }
}

/* In any order, in any units, the same bits but for the units. */
static void any_order(void **state) {
  logistic(0.3, 400);
  Evidence e = importance_evidence(log_w, 400, 0), turned;
  for (int k = 0; k < 200; k++) {
    double w = log_w[k];
    log_w[k] = log_w[399 - k], log_w[399 - k] = w;
  }
  turned = importance_evidence(log_w, 400, 0);
  assert_true(e.log_omega == turned.log_omega && e.error == turned.error);
  assert_true(e.tail == turned.tail && e.effective == turned.effective);
  for (int k = 0; k < 400; k++) log_w[k] -= 4096;
  turned = importance_evidence(log_w, 400, 0);
  assert_near(turned.log_omega, e.log_omega - 4096, 1e-9);
  assert_near(turned.tail, e.tail, 1e-9);
}

/* Ties are no tail; too few that differ are not enough to tell. */
static void alike(void **state) {
  for (int k = 0; k < 400; k++) log_w[k] = 3;
  Evidence e = importance_evidence(log_w, 400, 0);
  assert_true(isinf(e.tail) && e.tail < 0 && e.trust == TRUST_GOOD && e.error == 0);
  log_w[7] = 4;
  e = importance_evidence(log_w, 400, 0);
  assert_true(isnan(e.tail) && e.trust == TRUST_NONE && !e.collapsed);
  logistic(0.1, 20); /* a fifth is four */
  e = importance_evidence(log_w, 20, 0);
  assert_true(isnan(e.tail) && e.trust == TRUST_NONE);
}

static void limits(void **state) {
  for (int k = 0; k < MOST; k++) log_w[k] = k % 2;
  assert_near(importance_evidence(log_w, 100, 0).limit, 0.5, 1e-12);
  assert_near(importance_evidence(log_w, 1000, 0).limit, 2. / 3, 1e-12);
  assert_near(importance_evidence(log_w, MOST, 0).limit, 0.7, 1e-12);
}

/* How often the log of the known mean lies within two errors, of those that are called so. */
typedef struct Seen {
  int times, within, far; /* far: off by more than four */
} Seen;

/* Pareto weights (1 - u)^-k, of mean 1 / (1 - k), 500 at a time. */
static void many(Seen seen[3], double shape) {
  uint64_t word = 1;
  for (int t = 0; t < TIMES; t++) {
    for (int k = 0; k < 500; k++) log_w[k] = -shape * log(words_uniform(&word));
    Evidence e = importance_evidence(log_w, 500, log(1 - shape));
    double off = fabs(e.log_omega) / e.error;
    seen[e.trust].times++;
    seen[e.trust].within += off < 2;
    seen[e.trust].far += off > 4;
  }
}

static void honest(void **state) {
  Seen light[3] = {0}, near_half[3] = {0}, heavy[3] = {0};
  many(light, 0.2);
  assert_true(light[TRUST_GOOD].times > 0.95 * TIMES);
  assert_near((double)light[TRUST_GOOD].within / light[TRUST_GOOD].times, 0.954, 0.03);
  many(near_half, 0.45);
  int believed = near_half[TRUST_GOOD].times + near_half[TRUST_BORDERLINE].times;
  int within = near_half[TRUST_GOOD].within + near_half[TRUST_BORDERLINE].within;
  assert_true(near_half[TRUST_NONE].times < 0.25 * TIMES);
  assert_near((double)within / believed, 0.954, 0.03);
  many(heavy, 0.9);
  assert_true(heavy[TRUST_NONE].times > 0.8 * TIMES && heavy[TRUST_NONE].far > 50);
  assert_true(heavy[TRUST_GOOD].times < 0.05 * TIMES);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(summary),   cmocka_unit_test(outliers), cmocka_unit_test(as_arviz),
      cmocka_unit_test(any_order), cmocka_unit_test(alike),    cmocka_unit_test(limits),
      cmocka_unit_test(honest),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
