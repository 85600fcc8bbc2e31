/* Single steps of contrastive objectives, with more than one tile for each rank and thread: the
 * gradient that reaches the optimizer against differences of what the step minimises. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../net/nets.h"
#include "../net/reference.h"
#include "base/log.h"
#include "base/mem.h"
#include "problem.h"
#include "train/step.h"

static Comm *world, *alone;

typedef struct Rig {
  Problem *problem;
  TrainOpts opts;
  Net *net;
  Split chains;
  State state;
  Stepper *stepper;
  float *w; /* (P) */
  Net *frozen;
  float *frozen_w;
  Manifold manifold;
} Rig;

static Net *network(const char *encoder, const char *decoder, Shape shape) {
  Net *net;
  NetSpec spec = net_parse(encoder, decoder);
  if (net_new(&net, &spec, shape)) fail_msg("%s", err_message());
  return net;
}

static TrainOpts plain_opts(const char *objective, const char *energy) {
  TrainOpts opts = problem_opts();
  snprintf(opts.objective, sizeof opts.objective, "%s", objective);
  snprintf(opts.energy, sizeof opts.energy, "%s", energy);
  opts.leaf = 2;
  opts.nae.clip = opts.l2_encoder = opts.l2_decoder = 0;
  opts.chain.z_sampler = opts.chain.x_sampler = "langevin";
  opts.chain.temperature_mode = T_FIXED, opts.chain.scale = SCALE_FIXED;
  return opts;
}

static void freeze(Rig *rig) {
  rig->frozen = network("dense 6; tanh; dense 3", "dense 12", rig->problem->data.shape);
  rig->frozen_w = MEM_NEW(float, "test", rig->frozen->n_params);
  net_init(rig->frozen, rig->frozen_w, 7);
  rig->manifold = (Manifold){rig->frozen, weights_new(rig->frozen), false};
  weights_make(&rig->manifold.weights, rig->frozen, rig->frozen_w, NULL);
  rig->problem->input.manifolds = (Manifolds){1, &rig->manifold};
}

static void rig_start(Rig *rig, const Comm *comm, const char *encoder, const char *decoder,
                      Shape shape, double temperature) {
  rig->problem->data.shape = shape;
  rig->net = network(encoder, decoder, shape);
  rig->chains =
      split_new(rig->opts.chain.chains, rig->opts.leaf, comm_rank(comm), comm_size(comm));
  rig->state = state_new(rig->net, &rig->opts, &rig->chains);
  state_start(&rig->state, 3);
  rig->state.now.temperature = temperature;
  rig->w = MEM_NEW(float, "test", rig->net->n_params);
  memcpy(rig->w, rig->state.now.w, rig->net->n_params * sizeof *rig->w);
  rig->stepper =
      stepper_new(comm, &rig->opts, &rig->problem->input, rig->net, &rig->state, &rig->chains);
}

static void rig_free(Rig *rig) {
  stepper_free(&rig->stepper);
  state_free(&rig->state);
  mem_free(&rig->w);
  net_free(&rig->net);
  if (rig->frozen) {
    weights_free(&rig->manifold.weights);
    mem_free(&rig->frozen_w);
    net_free(&rig->frozen);
  }
  problem_free(&rig->problem);
}

/* The same step each time, but for the weights w + h along. */
static StepReport step_at(Rig *rig, const double *along, double h) {
  StepReport report;
  for (size_t i = 0; i < rig->net->n_params; i++)
    rig->state.now.w[i] = (float)((double)rig->w[i] + (along ? h * along[i] : 0));
  rig->state.at = (Position){.phase = PHASE_NAE, .step = 5};
  step_run(rig->stepper, &rig->state, &report);
  assert_true(report.finite);
  return report;
}

/* ---- transport ---- */

static void start_transport(Rig *rig, const Comm *comm, int threads) {
  *rig = (Rig){.problem = problem_new(), .opts = plain_opts("wnae", "mse")};
  rig->opts.batch = rig->opts.chain.chains = 80; /* leaves of two, two and one tile */
  rig->opts.threads = threads;
  rig->opts.chain.mode = NEG_PCD, rig->opts.chain.replay_ratio = 0;
  rig->opts.chain.x.steps = 3, rig->opts.chain.x.step = 0.02, rig->opts.chain.x.noise = 0.2;
  rig_start(rig, comm, "gru 5; dense 3; tanh", "repeat 4; lstm 5 returns=1; conv1d 3 kernel=1",
            (Shape){3, 1, 4}, 0.05);
}

/* Of one tensor at random, of length 1. */
static void direction(double *along, const Net *net, int tensor) {
  double square = 0;
  memset(along, 0, net->n_params * sizeof *along);
  for (size_t i = net->tensor_offset[tensor]; i < net->tensor_offset[tensor + 1]; i++) {
    along[i] = (double)some(77, (uint32_t)i);
    square += along[i] * along[i];
  }
  for (size_t i = 0; i < net->n_params; i++) along[i] /= sqrt(square);
}

/* W itself, through chains and a new plan: with the noise as it is, it depends on the weights. */
static void check_transport(Rig *rig, const float *gradient) {
  double *along = MEM_NEW(double, "test", rig->net->n_params);
  for (int t = 0; t < rig->net->n_tensors; t++) {
    const double h = 0.03;
    double found = 0, size = 0;
    direction(along, rig->net, t);
    for (size_t i = 0; i < rig->net->n_params; i++) {
      found += along[i] * (double)gradient[i];
      if (along[i] != 0) size += (double)gradient[i] * (double)gradient[i];
    }
    double up = step_at(rig, along, h).wasserstein, down = step_at(rig, along, -h).wasserstein;
    double want = (up - down) / (2 * h);
    if (fabs(found - want) > 1e-3 * sqrt(size) || size == 0)
      fail_msg("tensor %d: found %.6g, want %.6g, of %.3g", t, found, want, sqrt(size));
  }
  mem_free(&along);
}

static void transport_moves_the_chains_ends(void **state) {
  Rig rig, shared;
  start_transport(&rig, alone, 1);
  start_transport(&shared, world, 2);
  size_t bytes = rig.net->n_params * sizeof(float);
  step_at(&rig, NULL, 0);
  step_at(&shared, NULL, 0);
  assert_memory_equal(rig.stepper->gradient, shared.stepper->gradient, bytes);
  float *gradient = MEM_NEW(float, "test", rig.net->n_params);
  memcpy(gradient, rig.stepper->gradient, bytes);
  if (comm_rank(world) == 0) check_transport(&rig, gradient);
  mem_free(&gradient);
  rig_free(&rig);
  rig_free(&shared);
}

/* ---- absent points ---- */

enum { FEATURES = 3, POINTS = 4 };

static int count_points(const float *x, long stride) {
  int n = 0;
  for (long t = 0; t < POINTS; t++) {
    bool there = false;
    for (long f = 0; f < FEATURES; f++) there |= x[(f * POINTS + t) * stride] != 0;
    n += there;
  }
  return n;
}

/* A chain that starts at a datum moves all of its points, and no others. */
static void chains_keep_the_points_of_their_data(void **state) {
  Rig rig = {.problem = problem_new(), .opts = plain_opts("nae", "masked")};
  float *x = rig.problem->x;
  for (int row = 0; row < PROBLEM_ROWS; row++)
    for (int i = 0; i < PROBLEM_DIM; i++)
      if (i % POINTS > row % POINTS) x[row * PROBLEM_DIM + i] = 0;
  rig.opts.chain.chains = 64; /* more than the batch has: each datum twice */
  rig.opts.chain.mode = NEG_CD;
  rig.opts.chain.x.step = 0.01, rig.opts.chain.x.noise = 0.3;
  rig_start(&rig, alone, "gru 5 masked=1; dense 3", "dense 12", (Shape){FEATURES, 1, POINTS},
            0.7);
  step_at(&rig, NULL, 0);
  Position at = {.phase = PHASE_NAE, .step = 5};
  for (long c = 0; c < rig.chains.items; c++) {
    long row[L];
    batch_rows(rig.stepper, &at, c / L % rig.stepper->plus.tiles, row);
    const float *datum = x + row[c % L] * PROBLEM_DIM;
    const float *end = rig.stepper->negatives + c / L * PROBLEM_DIM * L + c % L;
    assert_int_equal(count_points(end, L), count_points(datum, 1));
    for (int i = 0; i < PROBLEM_DIM; i++)
      assert_true((end[i * L] == datum[i]) == (datum[i] == 0));
  }
  rig_free(&rig);
}

/* ---- a scalar energy ---- */

/* E / T + gamma E^2 of x with either sign of E. */
static double term(const Rig *rig, const double *w, const double *x, int sign) {
  double e;
  reference_net(rig->net, 0, rig->net->n_nodes, &e, x, w);
  return sign * e / rig->state.now.temperature + rig->state.gamma * e * e;
}

/* Means over all rows and over the step's negatives. */
static double loss(const Rig *rig, const double *w) {
  const Problem *problem = rig->problem;
  const Subset *rows = &problem->input.train;
  double plus = 0, minus = 0, x[PROBLEM_DIM];
  for (long i = 0; i < rows->n; i++) {
    uint32_t row = rows->row[i];
    for (int k = 0; k < PROBLEM_DIM; k++) x[k] = (double)problem->x[row * PROBLEM_DIM + k];
    plus += (double)problem->weight[row] * rows->weight_scale * term(rig, w, x, 1);
  }
  for (long c = 0; c < rig->chains.items; c++) {
    const float *from = rig->stepper->negatives + c / L * PROBLEM_DIM * L + c % L;
    for (int k = 0; k < PROBLEM_DIM; k++) x[k] = (double)from[k * L];
    minus += term(rig, w, x, -1);
  }
  return plus / (double)rows->n + minus / (double)rig->chains.items;
}

static void gamma_holds_both_energies_near_zero(void **state) {
  Rig rig = {.problem = problem_new(), .opts = plain_opts("mpdr", "scalar")};
  rig.opts.batch = 96, rig.opts.chain.chains = 48;
  rig.opts.threads = 2;
  rig.opts.chain.mode = NEG_RECOVERY;
  rig.opts.chain.z.step = rig.opts.chain.x.step = 0.01;
  rig.opts.chain.z.noise = rig.opts.chain.x.noise = 0.3;
  freeze(&rig);
  rig_start(&rig, alone, "dense 6; softplus; dense 1", "", (Shape){PROBLEM_DIM, 1, 1}, 0.7);
  rig.state.gamma = 0.4;
  step_at(&rig, NULL, 0);
  double *w = MEM_NEW(double, "test", rig.net->n_params);
  for (size_t i = 0; i < rig.net->n_params; i++) w[i] = (double)rig.w[i];
  for (size_t i = 0; i < rig.net->n_params; i++) {
    const double h = 1e-5, old = w[i];
    w[i] = old + h;
    double up = loss(&rig, w);
    w[i] = old - h;
    double down = loss(&rig, w);
    w[i] = old;
    assert_float_equal(rig.stepper->gradient[i], (up - down) / (2 * h), 2e-6);
  }
  mem_free(&w);
  rig_free(&rig);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(transport_moves_the_chains_ends),
      cmocka_unit_test(chains_keep_the_points_of_their_data),
      cmocka_unit_test(gamma_holds_both_energies_near_zero),
  };
  if (comm_start(&argc, &argv, &world)) return 1;
  int part;
  alone = comm_split(world, comm_size(world), &part);
  log_init(comm_rank(world), true);
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  comm_free(&alone);
  comm_end(&world);
  return failed;
}
