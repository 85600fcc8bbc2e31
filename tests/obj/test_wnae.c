/* The gradient through a Langevin chain: of where its ends go, to the weights, against differences
 * of the same chain in double with the same noise. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "../net/nets.h"
#include "../net/reference.h"
#include "base/mem.h"
#include "mcmc/sampler.h"
#include "num/rows.h"
#include "obj/objective.h"
#include "obj/recon.h"

enum { TILES = 2, DIM = 6, STEPS_MOST = 5, SEED = 3, STEP = 7, LANES_LOOKED = 3 };
static const int lanes[LANES_LOOKED] = {0, 7, 15};

/* A network with its energy; `points`: some are absent. */
typedef struct Model {
  const char *encoder, *decoder, *energy;
  Shape in;
  int points;
} Model;

/* The chain of one sample in double. */
typedef struct Chain {
  const Model *model;
  const Net *net;
  const ChainOpts *opts;
  double *w;
  double start[DIM], noise[STEPS_MOST][DIM];
} Chain;

/* A point of zeros at the start. */
static bool is_absent(const Chain *c, int i) {
  int points = c->model->points;
  for (int k = points ? i % points : DIM; k < DIM; k += points)
    if (c->start[k] != 0) return false;
  return points > 0;
}

static double energy(const Chain *c, const double *x) {
  double y[DIM], sum = 0, count = 0;
  bool masked = !strcmp(c->model->energy, "masked");
  reference_net(c->net, 0, c->net->n_nodes, y, x, c->w);
  if (!strcmp(c->model->energy, "scalar")) return y[0];
  for (int i = 0; i < DIM; i++)
    if (!masked || !is_absent(c, i)) sum += (y[i] - x[i]) * (y[i] - x[i]), count++;
  return sum / count;
}

/* dE/dx[i] by differences of fourth order. */
static double slope(const Chain *c, double *x, int i) {
  const double h = 1e-3, old = x[i], weight[4] = {1, -8, 8, -1};
  double sum = 0;
  for (int k = 0; k < 4; k++) {
    x[i] = old + (k < 2 ? k - 2 : k - 1) * h;
    sum += weight[k] * energy(c, x);
  }
  x[i] = old;
  return sum / (12 * h);
}

/* pull . the chain's end */
static double end_of(const Chain *c, const double *pull) {
  double x[DIM], g[DIM], sum = 0;
  memcpy(x, c->start, sizeof x);
  for (int step = 0; step < c->opts->steps; step++) {
    for (int i = 0; i < DIM; i++) g[i] = is_absent(c, i) ? 0 : slope(c, x, i);
    for (int i = 0; i < DIM; i++) {
      if (is_absent(c, i)) continue;
      x[i] += c->noise[step][i] - c->opts->step / c->opts->temperature * g[i];
      if (c->opts->bounded) x[i] = fmin(fmax(x[i], c->opts->low), c->opts->high);
    }
  }
  for (int i = 0; i < DIM; i++) sum += pull[i] * x[i];
  return sum;
}

/* As chains draw it (mcmc/sampler.h): the step + 1 in the upper half of the id. */
static void read_noise(Chain *c, const uint64_t chain[L], int l) {
  float *xi = MEM_NEW(float, "test", DIM *L);
  for (int step = 0; step < c->opts->steps; step++) {
    uint64_t id[L];
    for (int k = 0; k < L; k++) id[k] = chain[k] + ((uint64_t)(step + 1) << 32);
    rows()->normals(xi, rng_key(SEED, RNG_X_CHAIN), id, STEP, DIM);
    for (int i = 0; i < DIM; i++) c->noise[step][i] = c->opts->noise * (double)xi[i * L + l];
  }
  mem_free(&xi);
}

typedef struct Setup {
  const Model *model;
  Net *net;
  float *w;
  double *wide;
  Weights weights;
  ChainOpts opts;
  float *start[TILES], *end[TILES], *path[TILES], *pull[TILES];
  uint64_t chain[TILES][L];
} Setup;

/* Every lane has one point more than its number modulo them. */
static void leave_out(float *x, int points) {
  for (int i = 0; i < DIM * L && points; i++)
    if (i / L % points > i % L % points) x[i] = 0;
}

static Setup setup_new(const Model *model, const ChainOpts *opts) {
  Setup s = {.model = model, .opts = *opts};
  NetSpec spec = net_parse(model->encoder, model->decoder);
  s.opts.points = model->points;
  assert_int_equal(net_new(&s.net, &spec, model->in), OK);
  s.w = MEM_NEW(float, "test", s.net->n_params);
  s.wide = MEM_NEW(double, "test", s.net->n_params);
  net_init(s.net, s.w, 5);
  for (size_t i = 0; i < s.net->n_params; i++) s.wide[i] = (double)s.w[i];
  s.weights = weights_new(s.net);
  weights_make(&s.weights, s.net, s.w, NULL);
  for (int t = 0; t < TILES; t++) {
    uint32_t stream = 30 + (uint32_t)t;
    s.start[t] = some_floats(stream, DIM * L);
    leave_out(s.start[t], model->points);
    s.end[t] = some_floats(stream, DIM * L);
    leave_out(s.end[t], model->points);
    s.pull[t] = some_floats(stream + 10, DIM * L);
    s.path[t] = MEM_NEW(float, "test", STEPS_MOST *DIM *L);
    for (int l = 0; l < L; l++) s.chain[t][l] = (uint64_t)(t * L + l);
  }
  return s;
}

static void setup_free(Setup *s) {
  for (int t = 0; t < TILES; t++) {
    mem_free(&s->start[t]);
    mem_free(&s->end[t]);
    mem_free(&s->pull[t]);
    mem_free(&s->path[t]);
  }
  weights_free(&s->weights);
  mem_free(&s->w);
  mem_free(&s->wide);
  net_free(&s->net);
}

static void run_chains(Setup *s) {
  Recon *recon = recon_new(s->net, &s->weights, distance_find(s->model->energy));
  Energy visible = recon_visible(recon);
  float *scratch = MEM_NEW(float, "test", sampler_scratch(DIM));
  ChainStats stats;
  for (int t = 0; t < TILES; t++) {
    s->opts.path = s->path[t];
    sampler_find("langevin")
        ->run(s->end[t], &visible, &s->opts, rng_key(SEED, RNG_X_CHAIN),
              rng_key(SEED, RNG_X_ACCEPT), s->chain[t], STEP, scratch, &stats);
    assert_memory_equal(s->path[t], s->start[t], DIM * L * sizeof(float));
    for (int l = 0; l < L; l++) { /* the others pull at nothing */
      bool looked = false;
      for (int k = 0; k < LANES_LOOKED; k++) looked |= l == lanes[k];
      for (int i = 0; i < DIM && !looked; i++) s->pull[t][i * L + l] = 0;
    }
  }
  mem_free(&scratch);
  recon_free(&recon);
}

/* sum over chains of pull . end */
static double reference(const Setup *s) {
  double sum = 0, pull[DIM];
  for (int t = 0; t < TILES; t++)
    for (int k = 0; k < LANES_LOOKED; k++) {
      Chain c = {.model = s->model, .net = s->net, .opts = &s->opts, .w = s->wide};
      for (int i = 0; i < DIM; i++) {
        c.start[i] = (double)s->start[t][i * L + lanes[k]];
        pull[i] = (double)s->pull[t][i * L + lanes[k]];
      }
      read_noise(&c, s->chain[t], lanes[k]);
      sum += end_of(&c, pull);
    }
  return sum;
}

static void check_gradient(Setup *s, const float *dw) {
  for (size_t i = 0; i < s->net->n_params; i++) {
    const double h = 1e-4, old = s->wide[i];
    s->wide[i] = old + h;
    double up = reference(s);
    s->wide[i] = old - h;
    double down = reference(s), want = (up - down) / (2 * h);
    s->wide[i] = old;
    if (fabs((double)dw[i] - want) > 1e-5 * (1 + fabs(want)))
      fail_msg("%s, %d steps: dw[%zu]: found %.9g, want %.9g", s->model->encoder, s->opts.steps,
               i, (double)dw[i], want);
  }
}

static void check(const Model *model, ChainOpts opts) {
  Setup s = setup_new(model, &opts);
  run_chains(&s);
  double energy[TILES][L], sum = 0;
  for (int t = 0; t < TILES; t++)
    for (int i = 0; i < DIM * L; i++) sum += (double)s.pull[t][i] * (double)s.end[t][i];
  assert_float_equal(sum, reference(&s), 1e-5);
  Track track = {.chain = &s.opts, .path = s.path, .pull = s.pull};
  Leaf leaf = {.tiles = TILES, .x = s.end, .track = &track, .energy = energy};
  LeafWork *work = leaf_work_new(s.net, &s.weights, distance_find(model->energy), TILES);
  leaf_work_add_dual(work);
  float *dw = MEM_NEW(float, "test", s.net->n_params);
  objective_find("wnae")->leaf(work, NULL, &leaf, dw);
  check_gradient(&s, dw);
  mem_free(&dw);
  leaf_work_free(&work);
  setup_free(&s);
}

static const Model smooth = {
    "dense 5; tanh; dense 2; sphere", "dense 5; softplus; dense 6", "mse", {DIM, 1, 1}, 0};
static const ChainOpts FREE = {.steps = 2, .step = 0.02, .noise = 0.2, .temperature = 0.05};

static void two_steps(void **state) { check(&smooth, FREE); }

static void five_steps(void **state) {
  ChainOpts opts = FREE;
  opts.steps = STEPS_MOST;
  check(&smooth, opts);
}

/* About a third of the components are held back somewhere. */
static void bounds_pass_no_gradient(void **state) {
  ChainOpts opts = FREE;
  opts.steps = STEPS_MOST, opts.bounded = true, opts.low = -0.9, opts.high = 0.8;
  check(&smooth, opts);
}

/* Recurrent networks, a graph, an energy without decoder; with all points and with absent ones. */
static void other_networks_and_energies(void **state) {
  static const Model models[] = {
      {"gru 4; dense 2; sphere",
       "repeat 3; gru 4 returns=1; conv1d 2 kernel=1",
       "mse",
       {2, 1, 3},
       0},
      {"lstm 3 reverse=1; dense 2",
       "repeat 3; lstm 3 returns=1; conv1d 2 kernel=1",
       "mse",
       {2, 1, 3},
       0},
      {"gru 4 masked=1; dense 3; tanh",
       "repeat 3; lstm 3 returns=1; conv1d 2 kernel=1",
       "masked",
       {2, 1, 3},
       3},
      {"lstm 4 masked=1; dense 3; tanh", "dense 6", "mse", {2, 1, 3}, 3},
      {"edge_conv 4 neighbours=2 pooling=1 slope=1 coordinates=1; conv1d 2 kernel=1",
       "tanh; conv1d 3 kernel=1",
       "masked",
       {3, 1, 2},
       2},
      {"edge_conv 4 neighbours=2 pooling=1 slope=1; pool_points 0 weighted=1; tanh; dense 1",
       "",
       "scalar",
       {3, 1, 2},
       2},
  };
  for (size_t i = 0; i < sizeof models / sizeof *models; i++) check(&models[i], FREE);
}

static void data_have_energies_and_no_gradient(void **state) {
  Setup s = setup_new(&smooth, &FREE);
  double energy[TILES][L], want[L];
  Leaf leaf = {.tiles = TILES, .x = s.start, .energy = energy};
  LeafWork *work = leaf_work_new(s.net, &s.weights, distance_find("mse"), TILES);
  Recon *recon = recon_new(s.net, &s.weights, distance_find("mse"));
  float *dw = MEM_NEW(float, "test", s.net->n_params);
  objective_find("wnae")->leaf(work, NULL, &leaf, dw);
  for (size_t i = 0; i < s.net->n_params; i++) assert_true(dw[i] == 0);
  recon_energy(recon, want, NULL, s.start[1]);
  assert_memory_equal(energy[1], want, sizeof want);
  mem_free(&dw);
  recon_free(&recon);
  leaf_work_free(&work);
  setup_free(&s);
}

static void layers_without_second_derivatives_are_refused(void **state) {
  Net *net;
  NetSpec spec = net_parse("dense 8; gaussian", "dense 8");
  assert_int_equal(net_new(&net, &spec, (Shape){2, 1, 4}), OK);
  assert_int_equal(objective_find("wnae")->check(NULL, net), ERR_USER);
  assert_non_null(strstr(err_message(), "found wnae with the layer encoder.1 (gaussian)"));
  net_free(&net);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(two_steps),
      cmocka_unit_test(five_steps),
      cmocka_unit_test(bounds_pass_no_gradient),
      cmocka_unit_test(other_networks_and_energies),
      cmocka_unit_test(layers_without_second_derivatives_are_refused),
      cmocka_unit_test(data_have_energies_and_no_gradient),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
