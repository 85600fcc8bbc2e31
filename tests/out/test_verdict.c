/* Verdicts on made-up logs, logs that are cut, the outlook, and numbers of plots against values
 * from their definitions. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "out/outlook.h"
#include "out/verdict.h"

#include "../../src/out/stats.h"

/* A run of 20 AE rows and 20 NAE rows, ten steps apart, healthy unless a test says otherwise. */
typedef struct Made {
  double plus, ratio, z, x, diversity, x_noise, x_step, encoder, auc, explained, code;
  int rollbacks;
} Made;

static const Made healthy = {.plus = 1e-3,
                             .ratio = 1.02,
                             .z = 0.57,
                             .x = 0.6,
                             .diversity = 0.9,
                             .x_noise = 1e-4,
                             .x_step = 0.1,
                             .encoder = 10,
                             .auc = 0.8,
                             .explained = 0.6,
                             .code = NAN};

static void put(FILE *to, double x) { fprintf(to, isnan(x) ? "," : ",%.17g", x); }

static void make_row(FILE *to, const Made *made, int i) {
  int nae = i >= 20;
  double plus = nae ? made->plus : 0.1 / (1 + 5 * i);
  fprintf(to, "%d,%d,%s", 10 * (i + 1), (nae ? i - 19 : i + 1) / 5, nae ? "nae" : "ae");
  put(to, plus);
  put(to, nae ? made->ratio : NAN);
  put(to, nae ? made->z : NAN);
  put(to, nae ? made->x : NAN);
  put(to, nae ? made->diversity : NAN);
  put(to, nae ? made->x_noise : NAN);
  put(to, nae ? made->x_step : NAN);
  put(to, i == 0 ? 10 : made->encoder);
  put(to, made->auc);
  put(to, made->explained);
  put(to, made->code);
  put(to, made->rollbacks);
  put(to, i % 5 == 4 ? plus : NAN);
  put(to, i % 5 == 4 ? plus : NAN);
  put(to, 2.0 * i);
  fputc('\n', to);
}

static char path[] = "/tmp/jetnae-verdict-XXXXXX";

static void make(const Made *made, int rows, const char *end) {
  FILE *to = fopen(path, "w");
  assert_non_null(to);
  fputs("step,epoch,phase,e_plus,e_ratio,z_accepted,x_accepted,replay_diversity,"
        "x_temperature_last,x_step,norm_encoder,valid_auc,valid_explained,code_active,rollbacks,"
        "valid_e_plus,"
        "valid_metric,time_s\n",
        to);
  for (int i = 0; i < rows; i++) make_row(to, made, i);
  fputs(end, to);
  fclose(to);
}

static void expect(const char *word, const char *about, Made made) {
  RunLog log;
  make(&made, 40, "");
  assert_int_equal(runlog_read(&log, path), OK);
  Verdict verdict = verdict_of(&log);
  assert_string_equal(verdict.word, word);
  int said = verdict.n == 0 && !*about;
  for (int i = 0; i < verdict.n; i++) said += strstr(verdict.finding[i].text, about) != NULL;
  assert_int_equal(said, 1);
  runlog_free(&log);
}

static Made but(void (*change)(Made *made)) {
  Made made = healthy;
  change(&made);
  return made;
}

/* Negatives that no chain has moved. */
static void no_chains(Made *m) {
  m->ratio = 1.8;
  m->z = m->x = m->diversity = m->x_noise = m->x_step = NAN;
}
static void near_data(Made *m) { m->ratio = 1.36, m->diversity = NAN; }
static void near_data_away(Made *m) { m->ratio = 7, m->diversity = NAN; }
static void no_chains_yet(Made *m) { no_chains(m), m->ratio = 0.7; }
static void no_chains_away(Made *m) { no_chains(m), m->ratio = 50; }
static void no_number(Made *m) { m->plus = NAN; }
static void runs_away(Made *m) { m->ratio = 7; }
static void falls_below(Made *m) { m->ratio = 0.01; }
static void dips(Made *m) { m->ratio = 0.6; }
static void off_band(Made *m) { m->ratio = 1.3; }
static void loses_reconstruction(Made *m) { m->plus = 0.2; }
static void stands_still(Made *m) { m->x = 0.01; }
static void short_steps(Made *m) { m->z = 0.99; }
static void cold(Made *m) { m->x_noise = 1e-12; }
static void crowded(Made *m) { m->diversity = 0.1; }
static void one_place(Made *m) { m->diversity = 0.01; }
static void dead(Made *m) { m->encoder = 1e-3; }
static void dead_code(Made *m) { m->code = 0; }
static void worse_than_mean(Made *m) { m->explained = -0.4; }
static void mean_only(Made *m) { m->explained = 0.03; }
static void backwards(Made *m) { m->auc = 0.3; }
static void run_off(Made *m) { m->encoder = 2000; }
static void taken_back(Made *m) { m->rollbacks = 5, m->x = 0; }
static void cold_and_low(Made *m) { m->x_noise = 1e-12, m->ratio = 0.01; }
static void guarded(Made *m) { m->rollbacks = 2; }

static void test_words(void **state) {
  (void)state;
  expect("healthy", "", healthy);
  expect("diverged", "median of 7:", but(runs_away));
  expect("frozen", "median of 0.01:", but(falls_below));
  expect("doubtful", "median of 0.6, below", but(dips));
  expect("diverged", "times what the plain", but(loses_reconstruction));
  expect("frozen", "visible chain accepts a share of 0.01", but(stands_still));
  expect("frozen", "temperature of 1e-09 E+", but(cold));
  expect("collapsed", "diversity of 0.01", but(one_place));
  expect("collapsed", "encoder's weights is 0.0001 times", but(dead));
  expect("collapsed", "share of 0 of the code's", but(dead_code));
  expect("doubtful", "median of 1.3, above", but(off_band));
  expect("healthy", "", but(no_chains));
  expect("healthy", "", but(near_data));
  expect("diverged", "median of 7:", but(near_data_away));
  expect("doubtful", "no chain has moved", but(no_chains_yet));
  expect("diverged", "without chains", but(no_chains_away));
  expect("doubtful", "latent chain accepts a share of 0.99", but(short_steps));
  expect("doubtful", "diversity of 0.1", but(crowded));
  expect("collapsed", "share of -0.4 of the variance", but(worse_than_mean));
  expect("doubtful", "distance to the mean", but(mean_only));
  expect("doubtful", "AUC of 0.3", but(backwards));
  expect("doubtful", "2 times", but(guarded));
  expect("diverged", "encoder's weights is 200 times", but(run_off));
  expect("diverged", "5 times", but(taken_back));
  expect("frozen", "temperature of 1e-09 E+", but(cold_and_low));
}

/* An energy that is no number is written as an empty cell, or as nan. */
static void test_not_finite(void **state) {
  (void)state;
  expect("diverged", "no number at step 210", but(no_number));
}

static void test_early_and_cut(void **state) {
  (void)state;
  RunLog log;
  make(&healthy, 22, "");
  assert_int_equal(runlog_read(&log, path), OK);
  assert_string_equal(verdict_of(&log).word, "too early");
  runlog_free(&log);
  make(&healthy, 40, "410,5,nae,1e-3\n420,5,nae,,,,,,x,,,,,,,,,\n");
  assert_int_equal(runlog_read(&log, path), OK);
  assert_int_equal(log.rows, 40);
  assert_int_equal(log.damaged, 2);
  runlog_free(&log);
  make(&healthy, 40, "410,5,nae,1e-3,1.0");
  assert_int_equal(runlog_read(&log, path), OK);
  assert_int_equal(log.rows, 40);
  assert_int_equal(log.nae, 20);
  assert_true(log.cut);
  Verdict verdict = verdict_of(&log);
  assert_string_equal(verdict.word, "healthy");
  assert_int_equal(verdict.n, 1);
  assert_non_null(strstr(verdict.finding[0].text, "1 lines of the log are cut"));
  runlog_free(&log);
  FILE *to = fopen(path, "w");
  fputs("something else\n", to);
  fclose(to);
  assert_int_equal(runlog_read(&log, path), ERR_USER);
  assert_non_null(strstr(err_message(), "found no log of a run"));
  runlog_free(&log);
}

/* Rows are two seconds apart for ten steps; an epoch is 50 steps. */
static void test_outlook(void **state) {
  (void)state;
  RunLog log;
  Plan plan = {.epochs = {4, 6}, .log_steps = 10};
  make(&healthy, 30, "");
  assert_int_equal(runlog_read(&log, path), OK);
  Outlook now = outlook_of(&log, &plan);
  assert_int_equal(now.step, 300);
  assert_int_equal(now.phase, 1);
  assert_true(fabs(now.epoch - 2) < 1e-12);
  assert_true(fabs(now.steps_per_s - 5) < 1e-12);
  assert_true(fabs(now.eta_s - 40) < 1e-9); /* 200 steps to go */
  assert_false(now.finished);
  plan.epochs[1] = 2;
  assert_true(outlook_of(&log, &plan).finished);
  plan = (Plan){.epochs = {4, 6}, .steps = 305, .log_steps = 10};
  assert_true(outlook_of(&log, &plan).finished);
  runlog_free(&log);
}

static void test_roc(void **state) {
  (void)state;
  const double score[] = {0.1, 0.2, 0.2, 0.4, 0.5, 0.6, NAN, 0.9};
  const signed char is_signal[] = {0, 0, 1, 0, 1, 1, 1, -1};
  Roc roc = roc_new(score, is_signal, 8);
  const double signal[] = {2.0 / 3, 1, 1}, background[] = {1.0 / 3, 2.0 / 3, 1};
  assert_int_equal(roc.n, 3);
  for (int i = 0; i < 3; i++) {
    assert_true(fabs(roc.signal[i] - signal[i]) < 1e-15);
    assert_true(fabs(roc.background[i] - background[i]) < 1e-15);
  }
  assert_true(fabs(roc_error(&roc, 0) - sqrt((2.0 / 3) / (1.0 / 3 * 3))) < 1e-15);
  roc_free(&roc);
}

static void test_bins(void **state) {
  (void)state;
  const double x[] = {1, 10, 100, 1000, 0, NAN}, y[] = {1, 2, 3, 4, 5, 6};
  double share[3], middle[3], low[3], high[3];
  Bins bins = {.n = 3, .log = true};
  bins_reach(&bins, x, NULL, 0, 6);
  assert_true(bins.low == 1 && bins.high == 1000);
  assert_true(fabs(bins_middle(&bins, 1) - sqrt(1000)) < 1e-9);
  assert_int_equal(histogram(share, &bins, x, NULL, 0, 6), 4);
  assert_true(fabs(share[0] + share[1] + share[2] - 1) < 1e-15 && share[0] == 0.25);
  profile(middle, low, high, &bins, x, y, NULL, 0, 6, 2);
  assert_true(isnan(middle[0]) && middle[2] == 4 && low[2] == 3 && high[2] == 4);
  const double any_sign[] = {-200, 7};
  bins_reach(&bins, any_sign, NULL, 0, 2);
  assert_true(!bins.log && bins.low == -200 && bins.high == 1000);
  assert_true(fabs(bins_middle(&bins, 1) - 400) < 1e-9 && bins_find(&bins, -200) == 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_words),         cmocka_unit_test(test_not_finite),
      cmocka_unit_test(test_early_and_cut), cmocka_unit_test(test_outlook),
      cmocka_unit_test(test_roc),           cmocka_unit_test(test_bins),
  };
  int fd = mkstemp(path);
  if (fd < 0) return 1;
  close(fd);
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  unlink(path);
  return failed;
}
