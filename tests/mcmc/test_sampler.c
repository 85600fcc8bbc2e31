/* The samplers against known densities, their statistics, and their independence of everything
 * but the chain's number. Chains are many and independent and only their last states are used, so
 * that a chi-square is a chi-square; all limits are five standard errors. */
#include <stdlib.h>

#include "../num/isa_pairs.h"
#include "mcmc/sampler.h"
#include "num/rows.h"

enum { TILES = 1000, CHAINS = TILES * L, MAX_DIM = 40 };

/* ---- energies ---- */

/* What an energy of the tests knows. */
typedef struct Model {
  Energy energy;
  double center[MAX_DIM], width[MAX_DIM];
} Model;

/* sum (x - center)^2 / (2 width^2) */
static void gauss(void *self, double e[L], float *dx, const float *x) {
  const Model *m = self;
  for (int l = 0; l < L; l++) {
    e[l] = 0;
    for (long i = 0; i < m->energy.dim; i++) {
      double t = ((double)x[L * i + l] - m->center[i]) / m->width[i];
      e[l] += t * t / 2;
      if (dx) dx[L * i + l] = (float)(t / m->width[i]);
    }
  }
}

/* sum (x^2 - 1)^2: two wells */
static void wells(void *self, double e[L], float *dx, const float *x) {
  const Model *m = self;
  for (int l = 0; l < L; l++) {
    e[l] = 0;
    for (long i = 0; i < m->energy.dim; i++) {
      double v = x[L * i + l], t = v * v - 1;
      e[l] += t * t;
      if (dx) dx[L * i + l] = (float)(4 * t * v);
    }
  }
}

/* -center.z: von Mises and Fisher's distribution on the sphere */
static void pole(void *self, double e[L], float *dx, const float *x) {
  const Model *m = self;
  for (int l = 0; l < L; l++) {
    e[l] = 0;
    for (long i = 0; i < m->energy.dim; i++) {
      e[l] -= m->center[i] * (double)x[L * i + l];
      if (dx) dx[L * i + l] = (float)-m->center[i];
    }
  }
}

/* Zero, with a gradient that lies: a proposal may drift as it likes, the density stays. */
static void flat(void *self, double e[L], float *dx, const float *x) {
  const Model *m = self;
  for (int l = 0; l < L; l++) e[l] = 0;
  for (long i = 0; dx && i < m->energy.dim * L; i++) dx[i] = (float)m->center[0] * x[i] + 0.4f;
}

/* ---- many chains ---- */

typedef struct Ensemble {
  float x[CHAINS][MAX_DIM]; /* last states */
  int64_t proposed, accepted, gradients, clipped, values, at_bound;
  double first, last; /* sums of energies */
} Ensemble;

static Ensemble all;
static float scratch[MAX_DIM * 7 * L] __attribute__((aligned(64)));

static void add_stats(const ChainStats *stats) {
  all.proposed += stats->proposed;
  all.accepted += stats->accepted;
  all.gradients += stats->gradients;
  all.clipped += stats->clipped;
  all.values += stats->values;
  all.at_bound += stats->at_bound;
  for (int l = 0; l < L; l++) all.first += stats->first[l], all.last += stats->last[l];
}

static void run_tile(float *x, const Sampler *sampler, Model *model, const ChainOpts *opts,
                     const uint64_t chain[L], ChainStats *stats) {
  model->energy.self = model;
  assert_true(sampler_scratch(model->energy.dim) <= sizeof scratch / sizeof *scratch);
  sampler->run(x, &model->energy, opts, rng_key(1, RNG_X_CHAIN), rng_key(1, RNG_X_ACCEPT), chain,
               7, scratch, stats);
}

/* Every other chain's last point is absent. */
static void leave_out(float *x, long dim, int points) {
  for (long i = points - 1; points > 0 && i < dim; i += points)
    for (int l = 1; l < L; l += 2) x[L * i + l] = 0;
}

static void sample(const char *name, Model *model, const ChainOpts *opts) {
  long dim = model->energy.dim;
  float x[MAX_DIM * L] __attribute__((aligned(64)));
  all = (Ensemble){0};
  for (int tile = 0; tile < TILES; tile++) {
    uint64_t chain[L];
    ChainStats stats;
    for (int l = 0; l < L; l++) chain[l] = (uint64_t)(tile * L + l);
    sampler_start(x, dim, opts->sphere, rng_key(1, RNG_Z_INIT), chain, 7);
    leave_out(x, dim, opts->points);
    run_tile(x, sampler_find(name), model, opts, chain, &stats);
    add_stats(&stats);
    for (int l = 0; l < L; l++)
      for (long i = 0; i < dim; i++) all.x[tile * L + l][i] = x[L * i + l];
  }
}

/* ---- densities ---- */

typedef double (*Density)(double t, const double *p);

static double integral(Density density, const double *p, double a, double b) {
  enum { N = 200 }; /* Simpson's rule */
  double sum = density(a, p) + density(b, p), h = (b - a) / N;
  for (int k = 1; k < N; k++) sum += (k % 2 ? 4 : 2) * density(a + k * h, p);
  return sum * h / 3;
}

/* Values against a density on [from, to] (all of it), in BINS bins; outer ones collect the rest.
 */
static void check_histogram(const double *value, Density density, const double *p, double from,
                            double to) {
  enum { BINS = 24 };
  double count[BINS] = {0}, total = integral(density, p, from, to), chi2 = 0;
  int used = 0;
  for (int k = 0; k < CHAINS; k++) {
    double at = (value[k] - from) / (to - from) * BINS;
    count[at < 0 ? 0 : at >= BINS ? BINS - 1 : (int)at]++;
  }
  for (int k = 0; k < BINS; k++) {
    double a = from + (to - from) * k / BINS, b = from + (to - from) * (k + 1) / BINS;
    double want = CHAINS * integral(density, p, a, b) / total;
    if (want < 5) continue;
    chi2 += (count[k] - want) * (count[k] - want) / want;
    used++;
  }
  assert_true(used > BINS / 2);
  assert_near(chi2, used - 1, 5 * sqrt(2. * (used - 1)));
}

static double bell(double t, const double *p) { return exp(-t * t / (2 * p[0])); }
static double two_wells(double t, const double *p) {
  return exp(-(t * t - 1) * (t * t - 1) / p[0]);
}
/* of the cosine to the pole: concentration p[0] in p[1] dimensions */
static double cosine(double t, const double *p) {
  return exp(p[0] * t) * pow(1 - t * t, (p[1] - 3) / 2);
}

static void component(double *value, int i, double center) {
  for (int k = 0; k < CHAINS; k++) value[k] = (double)all.x[k][i] - center;
}

static void check_moments(const double *value, double variance) {
  double mean = 0, square = 0;
  for (int k = 0; k < CHAINS; k++)
    mean += value[k] / CHAINS, square += value[k] * value[k] / CHAINS;
  assert_near(mean, 0, 5 * sqrt(variance / CHAINS));
  assert_near(square, variance, 5 * variance * sqrt(2. / CHAINS));
}

static double value[CHAINS];

/* ---- mala ---- */

static void check_gauss(const ChainOpts *opts) {
  Model model = {.energy = {3, gauss, NULL}, .center = {0.5, -1, 0}, .width = {1, 0.4, 0.7}};
  sample("mala", &model, opts);
  for (int i = 0; i < 3; i++) {
    double variance = opts->temperature * model.width[i] * model.width[i];
    double half = 4.5 * sqrt(variance);
    component(value, i, model.center[i]);
    check_moments(value, variance);
    check_histogram(value, bell, &variance, -half, half);
  }
  assert_int_equal(all.proposed, (int64_t)CHAINS * opts->steps);
  double rate = (double)all.accepted / (double)all.proposed;
  assert_true(rate > 0.3 && rate < 0.9);
  /* three directions of mean energy T / 2 each */
  assert_near(all.last / CHAINS, 1.5 * opts->temperature,
              5 * opts->temperature * sqrt(1.5 / CHAINS));
}

static void test_mala_gauss(void **state) {
  check_gauss(&(ChainOpts){.steps = 60, .step = 0.1, .temperature = 0.6});
}

/* The clip belongs to the proposal and changes no density. */
static void test_mala_clipped(void **state) {
  static const Clip CLIPS[] = {CLIP_SAMPLE, CLIP_ELEMENT, CLIP_ROW};
  for (int k = 0; k < 3; k++) {
    ChainOpts opts = {.steps = 60, .step = 0.1, .temperature = 0.6};
    opts.clip = CLIPS[k], opts.clip_norm = 0.8, opts.row = 2;
    check_gauss(&opts);
    assert_int_equal(all.gradients, (int64_t)CHAINS * 61 * (k == 0 ? 1 : k == 1 ? 3 : 2));
    assert_true(all.clipped > all.gradients / 10 && all.clipped < all.gradients);
  }
}

static void test_mala_wells(void **state) {
  Model model = {.energy = {1, wells, NULL}};
  ChainOpts opts = {.steps = 150, .step = 0.1, .temperature = 0.5};
  sample("mala", &model, &opts);
  component(value, 0, 0);
  check_histogram(value, two_wells, &opts.temperature, -2, 2);
}

/* Cosines to the pole in `dim` dimensions of concentration kappa. */
static void check_sphere(int dim, double kappa, const ChainOpts *opts) {
  Model model = {.energy = {dim, kappa > 0 ? pole : flat, NULL}};
  double p[] = {kappa, dim}, axis[MAX_DIM], norm = 0;
  for (int i = 0; i < dim; i++) axis[i] = i % 2 ? -0.5 : 1, norm += axis[i] * axis[i];
  for (int i = 0; i < dim; i++)
    axis[i] /= sqrt(norm), model.center[i] = kappa > 0 ? kappa * opts->temperature * axis[i] : 1;
  sample("mala", &model, opts);
  for (int k = 0; k < CHAINS; k++) {
    double length = 0;
    value[k] = 0;
    for (int i = 0; i < dim; i++) {
      value[k] += axis[i] * (double)all.x[k][i];
      length += (double)all.x[k][i] * (double)all.x[k][i];
    }
    assert_near(length, 1, 1e-6);
  }
  check_histogram(value, cosine, p, -1, 1);
}

static double mean_value(void) {
  double sum = 0;
  for (int k = 0; k < CHAINS; k++) sum += value[k];
  return sum / CHAINS;
}

static void test_mala_sphere(void **state) {
  ChainOpts opts = {.steps = 60, .step = 0.15, .temperature = 0.3, .sphere = true};
  check_sphere(3, 4, &opts);
  double length = 1 / tanh(4) - 1. / 4; /* of the mean; its variance: 1 - 2 A / kappa - A^2 */
  double variance = 1 - 2 * length / 4 - length * length;
  assert_near(mean_value(), length, 5 * sqrt(variance / CHAINS));
  check_sphere(5, 3, &opts);
  opts.step = 0.3;
  check_sphere(3, 0, &opts);
  assert_near(mean_value(), 0, 5 * sqrt(1. / 3 / CHAINS));
  assert_true(all.accepted < all.proposed * 9 / 10);
  opts.step = 1e-7; /* v' keeps its digits: hardly a refusal */
  opts.steps = 5;
  check_sphere(5, 0, &opts);
  assert_true(all.accepted > all.proposed * 999 / 1000);
}

/* ---- langevin ---- */

/* x' = (1 - a) x + noise xi with a = step k / T: its stationary variance. */
static void test_langevin_variance(void **state) {
  Model model = {.energy = {2, gauss, NULL}, .center = {1, -2}, .width = {1, 0.5}};
  ChainOpts opts = {.steps = 100, .step = 0.04, .temperature = 0.4, .noise = 0.2};
  sample("langevin", &model, &opts);
  for (int i = 0; i < 2; i++) {
    double shrink = 1 - opts.step / opts.temperature / (model.width[i] * model.width[i]);
    component(value, i, model.center[i]);
    check_moments(value, opts.noise * opts.noise / (1 - shrink * shrink));
  }
  assert_true(all.proposed == 0 && all.gradients == 0 && all.values == 0);
}

/* Three points of two features: absent ones stay, the others have their density beside them. */
static void test_absent_points(void **state) {
  const char *name[] = {"mala", "langevin"};
  for (int i = 0; i < 2; i++) {
    Model model = {.energy = {6, gauss, NULL}};
    for (int k = 0; k < 6; k++) model.width[k] = 1 + 0.1 * k, model.center[k] = 0.5;
    ChainOpts opts = {.steps = 100, .step = 0.2, .temperature = 0.7, .noise = 0.1, .points = 3};
    if (i) opts.step = 0.1, opts.noise = 0.45;
    sample(name[i], &model, &opts);
    for (int k = 0; k < CHAINS; k++)
      for (int f = 0; f < 2; f++) assert_true((all.x[k][3 * f + 2] == 0) == (k % 2 == 1));
    for (int k = 0; k < 6; k++) {
      double a = opts.step / opts.temperature / (model.width[k] * model.width[k]);
      double exact = opts.temperature * model.width[k] * model.width[k];
      double noisy = opts.noise * opts.noise / (1 - (1 - a) * (1 - a));
      if (k % 3 == 2) continue;
      component(value, k, model.center[k]);
      check_moments(value, i ? noisy : exact);
    }
  }
}

/* Without a gradient the noises add up: noise / (1 + i) in step i, start of variance 1. */
static void test_langevin_anneal(void **state) {
  Model model = {.energy = {1, gauss, NULL}, .width = {1e6}};
  ChainOpts opts = {.steps = 4, .step = 1e-3, .temperature = 1, .noise = 2, .anneal = true};
  sample("langevin", &model, &opts);
  component(value, 0, 0);
  check_moments(value, 1 + 4 * (1 + 1. / 4 + 1. / 9 + 1. / 16));
}

static void test_langevin_bounds(void **state) {
  Model model = {.energy = {2, gauss, NULL}, .width = {1e6, 1e6}};
  ChainOpts opts = {.steps = 2, .step = 1, .temperature = 1, .noise = 1};
  opts.bounded = true, opts.low = -0.5, opts.high = 2;
  sample("langevin", &model, &opts);
  int64_t at_bound = 0;
  for (int k = 0; k < CHAINS; k++)
    for (int i = 0; i < 2; i++) {
      assert_true(all.x[k][i] >= -0.5f && all.x[k][i] <= 2);
      at_bound += all.x[k][i] == -0.5f || all.x[k][i] == 2;
    }
  assert_int_equal(all.values, CHAINS * 2);
  assert_int_equal(all.at_bound, at_bound);
  assert_true(at_bound > CHAINS / 2);
}

static void test_langevin_sphere(void **state) {
  Model model = {.energy = {4, pole, NULL}, .center = {0, 0, 30, 0}};
  ChainOpts opts = {.steps = 20, .step = 0.1, .temperature = 1, .noise = 0.01, .sphere = true};
  sample("langevin", &model, &opts);
  for (int k = 0; k < CHAINS; k++) {
    double length = 0;
    for (int i = 0; i < 4; i++) length += pow((double)all.x[k][i], 2);
    assert_near(length, 1, 1e-6);
    assert_true(all.x[k][2] > 0.99f);
  }
}

/* With clip unit it is what of the gradient goes along the sphere that has norm 1: a step of 0.1
 * turns by the angle whose tangent is that, however much points outwards. */
static void test_unit_sphere(void **state) {
  Model model = {.energy = {4, pole, NULL}, .center = {0, 3, 1, 0}};
  ChainOpts opts = {.steps = 1, .step = 0.1, .temperature = 1, .clip = CLIP_UNIT, .sphere = true};
  ChainStats stats;
  uint64_t chain[L] = {0};
  float x[4 * L] __attribute__((aligned(64))) = {0};
  for (int l = 0; l < L; l++) x[L + l] = 0.8f, x[3 * L + l] = 0.6f;
  run_tile(x, sampler_find("langevin"), &model, &opts, chain, &stats);
  for (int l = 0; l < L; l++) {
    double along = 0.8 * (double)x[L + l] + 0.6 * (double)x[3 * L + l];
    assert_near(along, 1 / sqrt(1.01), 1e-6);
  }
}

/* ---- the clip, exactly ---- */

/* One step of size 1 without noise from 0: what is left is the clipped gradient. */
static void clipped(float *g, long dim, ChainOpts opts, ChainStats *stats) {
  Model model = {.energy = {dim, pole, NULL}};
  uint64_t chain[L] = {0};
  for (long i = 0; i < dim; i++) model.center[i] = (double)g[i];
  float x[MAX_DIM * L] __attribute__((aligned(64))) = {0};
  opts.steps = 1, opts.step = 1, opts.temperature = 1;
  run_tile(x, sampler_find("langevin"), &model, &opts, chain, stats);
  for (long i = 0; i < dim; i++) {
    for (int l = 1; l < L; l++) assert_memory_equal(&x[L * i + l], &x[L * i], sizeof *x);
    g[i] = x[L * i];
  }
}

static void test_clip(void **state) {
  ChainStats stats;
  float exact[] = {3, 4}, over[] = {6, 8}, element[] = {3, -4, 0.5f}, lost[] = {NAN, 1};
  clipped(exact, 2, (ChainOpts){.clip = CLIP_SAMPLE, .clip_norm = 5}, &stats);
  assert_true(exact[0] == 3 && exact[1] == 4 && stats.clipped == 0 && stats.gradients == L);
  clipped(over, 2, (ChainOpts){.clip = CLIP_SAMPLE, .clip_norm = 5}, &stats);
  assert_true(over[0] == 3 && over[1] == 4 && stats.clipped == L);
  clipped(element, 3, (ChainOpts){.clip = CLIP_ELEMENT, .clip_norm = 3}, &stats);
  assert_true(element[0] == 3 && element[1] == -3 && element[2] == 0.5f);
  assert_true(stats.gradients == 3 * L && stats.clipped == L);
  clipped(lost, 2, (ChainOpts){.clip = CLIP_SAMPLE, .clip_norm = 5}, &stats);
  assert_true(isnan(lost[0]) && stats.clipped == 0);
}

/* Rows of three and a short last one; a row of zeros stays. */
static void test_clip_rows(void **state) {
  ChainStats stats;
  float g[] = {6, 0, 8, 0, 0, 0, 0.5f, -0.25f, 0, -50};
  static const float WANT[] = {3, 0, 4, 0, 0, 0, 0.5f, -0.25f, 0, -5};
  clipped(g, 10, (ChainOpts){.clip = CLIP_ROW, .clip_norm = 5, .row = 3}, &stats);
  for (int i = 0; i < 10; i++) assert_true(g[i] == WANT[i]);
  assert_true(stats.gradients == 4 * L && stats.clipped == 2 * L);
}

/* ---- the same bits, whatever the lane, tile or ISA ---- */

typedef struct Case {
  const char *name;
  long dim;
  ChainOpts opts;
} Case;

static void run_case(float *out, const void *input) {
  const Case *c = input;
  Model model = {.energy = {c->dim, c->opts.sphere ? pole : wells, NULL}, .center = {0.3, 2, -1}};
  ChainStats stats;
  uint64_t chain[L];
  for (int l = 0; l < L; l++) chain[l] = (uint64_t)(90 + l);
  sampler_start(out, c->dim, c->opts.sphere, rng_key(1, RNG_Z_INIT), chain, 7);
  run_tile(out, sampler_find(c->name), &model, &c->opts, chain, &stats);
  memcpy(out + c->dim * L, &stats, sizeof stats);
}

static const Case CASES[] = {
    {"langevin", 7, {.steps = 9, .step = 0.01, .noise = 0.1, .temperature = 0.3}},
    {"langevin",
     40,
     {.steps = 5,
      .step = 0.2,
      .noise = 0.3,
      .temperature = 1,
      .anneal = true,
      .clip = CLIP_ROW,
      .clip_norm = 0.5,
      .row = 8,
      .bounded = true,
      .low = 0,
      .high = 1}},
    {"langevin", 3, {.steps = 9, .step = 0.2, .noise = 0.3, .temperature = 1, .sphere = true}},
    {"mala", 1, {.steps = 20, .step = 0.05, .temperature = 0.3}},
    {"mala",
     33,
     {.steps = 9, .step = 0.004, .temperature = 0.3, .clip = CLIP_SAMPLE, .clip_norm = 3}},
    {"mala", 3, {.steps = 20, .step = 0.1, .temperature = 0.3, .sphere = true}},
    {"mala",
     17,
     {.steps = 9,
      .step = 0.02,
      .temperature = 0.3,
      .sphere = true,
      .clip = CLIP_ELEMENT,
      .clip_norm = 1}},
};
enum { CASE_COUNT = sizeof CASES / sizeof *CASES };

static void test_same_bits(void **state) {
  for (int k = 0; k < CASE_COUNT; k++)
    isa_pairs(CASES[k].name, run_case, &CASES[k],
              (size_t)CASES[k].dim * L + sizeof(ChainStats) / sizeof(float));
}

/* Chain 103 sits in lane 13 of one tile and lane 2 of another, with other neighbours. */
static void test_lane_is_its_own(void **state) {
  for (int k = 0; k < CASE_COUNT; k++) {
    const Case *c = &CASES[k];
    Model model = {.energy = {c->dim, c->opts.sphere ? pole : wells, NULL},
                   .center = {0.3, 2, -1}};
    float x[2][MAX_DIM * L] __attribute__((aligned(64)));
    ChainStats stats[2];
    for (int tile = 0; tile < 2; tile++) {
      uint64_t chain[L];
      for (int l = 0; l < L; l++) chain[l] = (uint64_t)(tile ? 101 + l : 90 + l);
      sampler_start(x[tile], c->dim, c->opts.sphere, rng_key(1, RNG_Z_INIT), chain, 7);
      run_tile(x[tile], sampler_find(c->name), &model, &c->opts, chain, &stats[tile]);
    }
    for (long i = 0; i < c->dim; i++) assert_true(x[0][L * i + 13] == x[1][L * i + 2]);
    assert_true(stats[0].last[13] == stats[1].last[2] && stats[0].first[13] == stats[1].first[2]);
  }
}

/* A state without energy is refused for ever, and its neighbours do not notice. */
static void test_mala_refuses_nan(void **state) {
  Model model = {.energy = {1, gauss, NULL}, .width = {1}};
  ChainOpts opts = {.steps = 10, .step = 0.1, .temperature = 1};
  float x[L] __attribute__((aligned(64))) = {NAN};
  uint64_t chain[L] = {0};
  ChainStats stats;
  run_tile(x, sampler_find("mala"), &model, &opts, chain, &stats);
  assert_true(isnan(x[0]) && isnan(stats.last[0]));
  for (int l = 1; l < L; l++) assert_true(isfinite(x[l]) && x[l] != 0);
  assert_true(stats.accepted > 0 && stats.accepted <= 10 * (L - 1));
}

static void test_by_name(void **state) {
  assert_string_equal(sampler_find("mala")->name, "mala");
  assert_string_equal(sampler_at(0)->name, "langevin");
  assert_null(sampler_find("gibbs"));
  assert_null(sampler_at(2));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_mala_gauss),
      cmocka_unit_test(test_mala_clipped),
      cmocka_unit_test(test_mala_wells),
      cmocka_unit_test(test_mala_sphere),
      cmocka_unit_test(test_langevin_variance),
      cmocka_unit_test(test_absent_points),
      cmocka_unit_test(test_langevin_anneal),
      cmocka_unit_test(test_langevin_bounds),
      cmocka_unit_test(test_langevin_sphere),
      cmocka_unit_test(test_unit_sphere),
      cmocka_unit_test(test_clip),
      cmocka_unit_test(test_clip_rows),
      cmocka_unit_test(test_same_bits),
      cmocka_unit_test(test_lane_is_its_own),
      cmocka_unit_test(test_mala_refuses_nan),
      cmocka_unit_test(test_by_name),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
