/* AUC, its error and the rejections against scikit-learn and NumPy (make_metrics.py). */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "eval/metrics.h"

#include "metrics_values.h"

static void same(const char *name, const char *what, double found, double want) {
  if (fabs(found - want) <= 1e-12 * fmax(1, fabs(want))) return;
  fail_msg("%s, %s: found %.17g, want %.17g", name, what, found, want);
}

static void same_rejection(const char *name, Rejection found, double value, double error,
                           bool bound) {
  same(name, "rejection", found.value, value);
  same(name, "error of the rejection", found.error, error);
  assert_int_equal(found.bound, bound);
}

static void same_metrics(const struct Case *c, const Metrics *m) {
  same(c->name, "AUC", m->auc, c->auc);
  same(c->name, "error of the AUC", m->auc_error, c->auc_error);
  same_rejection(c->name, m->at20, c->at20, c->at20_error, c->bound20);
  same_rejection(c->name, m->at30, c->at30, c->at30_error, c->bound30);
}

static void test_values(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const struct Case *c = &cases[i];
    Metrics m = metrics_compute(c->score, c->label, c->weight, c->n);
    same_metrics(c, &m);
    assert_int_equal(m.n_signal + m.n_background, c->n);
  }
}

/* Rows without a score or of no known class change nothing, and no weights are weights of 1. */
static void test_left_out(void **state) {
  (void)state;
  const struct Case *c = &cases[0];
  double *score = calloc((size_t)c->n * 3, sizeof *score);
  signed char *label = calloc((size_t)c->n * 3, 1);
  for (long i = 0; i < c->n; i++) {
    score[3 * i] = c->score[i], label[3 * i] = c->label[i];
    score[3 * i + 1] = NAN, label[3 * i + 1] = i % 2;
    score[3 * i + 2] = 1e6, label[3 * i + 2] = i % 2 ? -1 : 7;
  }
  Metrics m = metrics_compute(score, label, NULL, 3 * c->n);
  same_metrics(c, &m);
  free(score);
  free(label);
}

/* The same rows from behind give the same bits where nothing is weighted. */
static void test_reversed(void **state) {
  (void)state;
  const struct Case *c = &cases[1];
  double *score = calloc((size_t)c->n, sizeof *score);
  signed char *label = calloc((size_t)c->n, 1);
  for (long i = 0; i < c->n; i++)
    score[i] = c->score[c->n - 1 - i], label[i] = c->label[c->n - 1 - i];
  Metrics forward = metrics_compute(c->score, c->label, NULL, c->n);
  Metrics backward = metrics_compute(score, label, NULL, c->n);
  assert_true(forward.auc == backward.auc);
  assert_true(forward.at20.value == backward.at20.value);
  assert_true(forward.at30.error == backward.at30.error);
  free(score);
  free(label);
}

static void test_one_class(void **state) {
  (void)state;
  const double score[] = {1, 2, 3};
  const signed char label[] = {0, 0, 0};
  char text[200];
  for (long n = 0; n <= 3; n += 3) {
    Metrics m = metrics_compute(score, label, NULL, n);
    assert_true(isnan(m.auc) && isnan(m.at20.value));
    metrics_describe(text, sizeof text, &m);
    assert_non_null(strstr(text, n ? "0 signal and 3 background" : "0 signal and 0 background"));
  }
}

static void test_words(void **state) {
  (void)state;
  char text[200];
  Metrics m = {10, 20, 0.90123, 0.0021, {25.5, 1.5, false}, {100, 0, true}};
  metrics_describe(text, sizeof text, &m);
  assert_string_equal(text, "AUC 0.9012 +- 0.0021, 1/eps_B(0.2) = 25.5 +- 1.5, "
                            "1/eps_B(0.3) > 100");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_values),   cmocka_unit_test(test_left_out),
      cmocka_unit_test(test_reversed), cmocka_unit_test(test_one_class),
      cmocka_unit_test(test_words),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
