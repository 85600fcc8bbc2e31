/* Principal components on any number of ranks: against NumPy (pca_values.h, made by
 * make_pca_values.py), against LAPACK, against what weights mean, and against a linear autoencoder
 * that comes to the same subspace step by step. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../net/nets.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/provenance.h"
#include "model/model.h"
#include "pca_values.h"
#include "problem.h"
#include "train/pca.h"

static Comm *world;

/* ---- samples ---- */

typedef struct Samples {
  Dataset data;
  Subset all;
  float *x, *weight; /* (rows, dim), (rows) */
} Samples;

static Samples samples_new(long rows, long dim) {
  Samples s = {.x = MEM_NEW(float, "test", rows *dim), .weight = MEM_NEW(float, "test", rows)};
  s.all = (Subset){.n = rows, .row = MEM_NEW(uint32_t, "test", rows), .weight_scale = 1};
  for (long i = 0; i < rows; i++) s.all.row[i] = (uint32_t)i, s.weight[i] = 1;
  s.data = (Dataset){.shape = {(int)dim, 1, 1}, .rows = rows, .x = s.x, .weight = s.weight};
  return s;
}

static void samples_free(Samples *s) {
  mem_free(&s->x);
  mem_free(&s->weight);
  subset_free(&s->all);
}

/* As make_pca_values.py makes them: HIDDEN directions of falling size, and noise. */
static Samples hidden_patterns(long rows, double noise) {
  Samples s = samples_new(rows, DIM);
  for (uint32_t row = 0; row < rows; row++)
    for (uint32_t i = 0; i < DIM; i++) {
      double x = 0.5 + noise * (double)some(3, row * DIM + i);
      for (uint32_t h = 0; h < HIDDEN; h++)
        x +=
            exp2(-(double)h) * ((double)some(1, row * HIDDEN + h) * (double)some(2, h * DIM + i));
      s.x[row * DIM + i] = (float)x;
    }
  return s;
}

/* ---- the fit ---- */

static void assert_near(const double *found, const double *want, long n, double tolerance) {
  for (long i = 0; i < n; i++)
    if (!(fabs(found[i] - want[i]) <= tolerance * fabs(want[i])))
      fail_msg("element %ld: found %.17g, want %.17g", i, found[i], want[i]);
}

static double largest(const double *x, long n) {
  double most = 0;
  for (long i = 0; i < n; i++) most = fmax(most, fabs(x[i]));
  return most;
}

/* Each row of both, relative to its largest element. */
static void assert_near_rows(const double *found, const double *want, long rows, long n) {
  for (long r = 0; r < rows; r++)
    for (long i = r * n; i < (r + 1) * n; i++)
      if (!(fabs(found[i] - want[i]) <= 1e-10 * largest(want + r * n, n)))
        fail_msg("row %ld, element %ld: found %.17g, want %.17g", r, i - r * n, found[i],
                 want[i]);
}

static Pca fit(const Samples *s, long components, int threads) {
  Pca pca;
  assert_int_equal(pca_fit(&pca, world, &s->data, &s->all, components, threads), OK);
  return pca;
}

static void numpy_agrees(void **state) {
  Samples s = hidden_patterns(ROWS, 1.0 / 16);
  for (long i = 0; i < ROWS; i++) s.weight[i] = 1 + (float)(i % 3) / 2;
  for (int threads = 1; threads <= 2; threads++) {
    Pca pca = fit(&s, COMPONENTS, threads);
    assert_near(pca.mean, numpy_mean, DIM, 1e-12);
    assert_near(pca.value, numpy_value, DIM, 1e-10);
    assert_near_rows(pca.vector, numpy_vector, COMPONENTS, DIM);
    pca_free(&pca);
  }
  samples_free(&s);
}

/* a (DIM, DIM): plain sums over the samples. */
static void covariance(double *a, const Samples *s) {
  static double mean[DIM];
  memset(mean, 0, sizeof mean);
  for (long row = 0; row < s->data.rows; row++)
    for (long i = 0; i < DIM; i++) mean[i] += (double)s->x[row * DIM + i] / (double)s->data.rows;
  for (long i = 0; i < DIM; i++)
    for (long j = 0; j < DIM; j++) {
      double sum = 0;
      for (const float *x = s->x; x < s->x + s->data.rows * DIM; x += DIM)
        sum += ((double)x[i] - mean[i]) * ((double)x[j] - mean[j]);
      a[i * DIM + j] = sum / (double)s->data.rows;
    }
}

/* LAPACK, eigenvalues rising; a becomes the vectors, one per row. */
void dsyev_(const char *, const char *, const int *n, double *a, const int *lda, double *value,
            double *work, const int *works, int *info, size_t, size_t);

static void lapack_agrees(void **state) {
  static double a[DIM * DIM], value[DIM], work[8 * DIM];
  const int n = DIM, works = 8 * DIM;
  int info = 0;
  Samples s = hidden_patterns(ROWS, 1.0 / 16);
  Pca pca = fit(&s, COMPONENTS, 1);
  covariance(a, &s);
  dsyev_("V", "L", &n, a, &n, value, work, &works, &info, 1, 1);
  assert_int_equal(info, 0);
  for (long c = 0; c < DIM; c++) assert_near(&pca.value[c], &value[DIM - 1 - c], 1, 1e-10);
  for (long c = 0; c < COMPONENTS; c++) {
    double *v = a + (DIM - 1 - c) * DIM, *found = pca.vector + c * DIM;
    if (v[0] * found[0] < 0)
      for (long i = 0; i < DIM; i++) v[i] = -v[i];
    assert_near_rows(found, v, 1, DIM);
  }
  pca_free(&pca);
  samples_free(&s);
}

/* A weight of 2 is a sample that is there twice. */
static void weights_are_copies(void **state) {
  enum { N = 180 };
  Samples once = hidden_patterns(N, 1.0 / 16), copied = hidden_patterns(N, 1.0 / 16);
  mem_free(&copied.all.row);
  copied.all = (Subset){.n = N / 2 * 3, .row = MEM_NEW(uint32_t, "test", N / 2 * 3)};
  for (uint32_t i = 0, to = 0; i < N; i++) {
    once.weight[i] = i % 2 ? 2 : 1;
    copied.all.row[to++] = i;
    if (i % 2) copied.all.row[to++] = i;
  }
  Pca a = fit(&once, COMPONENTS, 1), b = fit(&copied, COMPONENTS, 1);
  assert_near(a.mean, b.mean, DIM, 1e-12);
  assert_near(a.value, b.value, DIM, 1e-10);
  assert_near_rows(a.vector, b.vector, COMPONENTS, DIM);
  pca_free(&a);
  pca_free(&b);
  samples_free(&once);
  samples_free(&copied);
}

static void refuses(const Samples *s, long components, const char *message) {
  Pca pca;
  err_clear();
  assert_int_equal(pca_fit(&pca, world, &s->data, &s->all, components, 1), ERR_USER);
  if (strncmp(err_message(), message, strlen(message))) fail_msg("%s", err_message());
}

static void what_can_not_be_is_refused(void **state) {
  Samples s = hidden_patterns(ROWS, 0);
  refuses(&s, DIM + 1, "pca.components: found 151, want 1 to 150, the number of features");
  refuses(&s, HIDDEN + 1, "pca.components: found 7, want at most 6: the samples vary in no more");
  Pca pca = fit(&s, HIDDEN, 1);
  pca_free(&pca);
  s.all.n = 6;
  refuses(&s, 6, "pca.components: found 6, want fewer than the 6 samples");
  memset(s.weight, 0, ROWS * sizeof *s.weight);
  refuses(&s, 2, "data.weight: found weights that add up to 0, want a positive sum");
  for (long i = 0; i < ROWS; i++) s.all.row[i] = 7, s.weight[i] = 1;
  refuses(&s, 2, "pca.components: found 2, want at most 0: ");
  samples_free(&s);
}

/* ---- the run ---- */

static TrainInput input_of(const Samples *s, const char *out) {
  return (TrainInput){.data = &s->data,
                      .train = s->all,
                      .valid_data = &s->data,
                      .config = "objective: pca\n",
                      .config_full = "objective: pca\nthreads: 1\n",
                      .out = out,
                      .order = {.n = s->all.n, .block = 1024, .window = 64, .seed = 1}};
}

static struct stat model_file(const char *out) {
  char path[RUNDIR_PATH + 16];
  struct stat info;
  snprintf(path, sizeof path, "%s/model.h5", out);
  comm_barrier(world);
  assert_int_equal(stat(path, &info), 0);
  comm_barrier(world);
  return info;
}

static Model load(const char *out) {
  char path[RUNDIR_PATH + 16];
  Model model;
  snprintf(path, sizeof path, "%s/model.h5", out);
  assert_int_equal(model_load(path, &model), OK);
  return model;
}

static TrainOpts pca_opts(long components) {
  TrainOpts opts = problem_opts();
  snprintf(opts.objective, sizeof opts.objective, "pca");
  opts.components = components;
  return opts;
}

static void assert_is_fit(const Model *model, const Pca *pca) {
  const float *encoder = model->w, *decoder = model->w + (DIM + 1) * COMPONENTS;
  assert_int_equal(model->net->n_params, (DIM + 1) * COMPONENTS + (COMPONENTS + 1) * DIM);
  for (long c = 0; c < COMPONENTS; c++)
    for (long i = 0; i < DIM; i++) {
      double want = pca->vector[c * DIM + i];
      assert_true(encoder[c * DIM + i] == (float)want);
      assert_true(decoder[i * COMPONENTS + c] == (float)want);
    }
  for (long i = 0; i < DIM; i++)
    assert_true(decoder[DIM * COMPONENTS + i] == (float)pca->mean[i]);
}

/* Files that are there stay; what is missing or damaged is made anew. */
static void a_finished_run_stays(void **state) {
  char out[RUNDIR_PATH], path[RUNDIR_PATH + 16];
  Samples s = hidden_patterns(ROWS, 1.0 / 16);
  Pca pca = fit(&s, COMPONENTS, 1);
  TrainOpts opts = pca_opts(COMPONENTS);
  folder_new(world, out);
  TrainInput input = input_of(&s, out);
  assert_int_equal(pca_run(world, &opts, &input), OK);
  Model model = load(out);
  assert_is_fit(&model, &pca);
  struct stat first = model_file(out);
  assert_int_equal(pca_run(world, &opts, &input), OK);
  assert_int_equal(model_file(out).st_ino, first.st_ino);
  snprintf(path, sizeof path, "%s/model.h5", out);
  if (comm_rank(world) == 0) assert_int_equal(truncate(path, 1000), 0);
  assert_int_equal(pca_run(world, &opts, &input), OK);
  assert_int_equal(model_file(out).st_size, first.st_size);
  snprintf(opts.energy, sizeof opts.energy, "bernoulli");
  assert_int_equal(pca_run(world, &opts, &input), ERR_USER);
  folder_remove(world, out);
  model_free(&model);
  pca_free(&pca);
  samples_free(&s);
}

/* ---- the linear autoencoder ---- */

enum { WIDE = 12, NARROW = 3, POINTS = 512 };

/* Three directions of different size in WIDE dimensions, and noise. */
static Samples sheet(void) {
  Samples s = samples_new(POINTS, WIDE);
  for (uint32_t row = 0; row < POINTS; row++)
    for (uint32_t i = 0; i < WIDE; i++) {
      double x = 0.05 * (double)some(23, row * WIDE + i);
      for (uint32_t h = 0; h < NARROW; h++)
        x += (1 - 0.25 * h) * (double)some(21, row * NARROW + h) * (double)some(22, h * WIDE + i);
      s.x[row * WIDE + i] = (float)x;
    }
  return s;
}

static double dot(const double *a, const double *b) {
  double sum = 0;
  for (long i = 0; i < WIDE; i++) sum += a[i] * b[i];
  return sum;
}

/* Gram-Schmidt on the decoder's columns: q (NARROW, WIDE). */
static void orthonormal(double *q, const float *w) {
  for (long c = 0; c < NARROW; c++) {
    double *v = q + c * WIDE;
    for (long i = 0; i < WIDE; i++) v[i] = (double)w[i * NARROW + c];
    for (long o = 0; o < c; o++) {
      double along = dot(v, q + o * WIDE);
      for (long i = 0; i < WIDE; i++) v[i] -= along * q[o * WIDE + i];
    }
    double length = sqrt(dot(v, v));
    for (long i = 0; i < WIDE; i++) v[i] /= length;
  }
}

/* At least the sine of the largest principal angle between both: the Frobenius norm of what of q
 * is outside the components. */
static double angle(const double *q, const Pca *pca) {
  double left = NARROW;
  for (long c = 0; c < NARROW; c++)
    for (long o = 0; o < NARROW; o++) {
      double along = dot(q + c * WIDE, pca->vector + o * WIDE);
      left -= along * along;
    }
  return sqrt(fmax(left, 0));
}

static void a_linear_autoencoder_finds_the_subspace(void **state) {
  char out[RUNDIR_PATH];
  double q[NARROW * WIDE];
  if (comm_size(world) > 1) skip(); /* steps are the same on any number of ranks */
  Samples s = sheet();
  Pca pca = fit(&s, NARROW, 1);
  TrainOpts opts = problem_opts();
  snprintf(opts.objective, sizeof opts.objective, "ae");
  opts.ae.epochs = 150, opts.ae.rate = 2e-2, opts.ae.clip = 0;
  opts.schedule = SCHEDULE_COSINE, opts.schedule_factor = 1e-3;
  opts.l2_encoder = opts.l2_decoder = 0;
  opts.log_steps = 1000, opts.validate_epochs = 150;
  folder_new(world, out);
  TrainInput input = input_of(&s, out);
  NetSpec spec = net_parse("dense 3", "dense 12");
  assert_int_equal(train_run(world, &opts, &spec, &input), OK);
  Model model = load(out);
  orthonormal(q, model.w + (WIDE + 1) * NARROW);
  if (!(angle(q, &pca) < 1e-2)) fail_msg("found an angle of %g", angle(q, &pca));
  folder_remove(world, out);
  model_free(&model);
  pca_free(&pca);
  samples_free(&s);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(numpy_agrees),
      cmocka_unit_test(lapack_agrees),
      cmocka_unit_test(weights_are_copies),
      cmocka_unit_test(what_can_not_be_is_refused),
      cmocka_unit_test(a_finished_run_stays),
      cmocka_unit_test(a_linear_autoencoder_finds_the_subspace),
  };
  if (comm_start(&argc, &argv, &world)) return 1;
  provenance_init(argc, argv);
  log_init(comm_rank(world), true);
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  comm_end(&world);
  return failed;
}
