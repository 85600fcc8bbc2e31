/* Losses and energies against a plain double reference: values, and gradients to weights, input
 * and code by finite differences of the reference. Then where negatives start. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "../net/nets.h"
#include "../net/reference.h"
#include "base/mem.h"
#include "obj/negative.h"
#include "obj/objective.h"

enum { TILES = 2, DIM = 12, LATENT = 3 };

typedef struct Fixture {
  Net *net;
  float *w;
  double *wide; /* (P) the same weights, in double */
  Weights weights;
} Fixture;

/* Smooth layers only, so that finite differences see no kinks. */
static Fixture fixture_new(void) {
  NetSpec spec = net_parse("dense 7; tanh; dense 3", "dense 9; softplus; dense 12");
  Fixture f;
  assert_int_equal(net_new(&f.net, &spec, (Shape){DIM, 1, 1}), OK);
  f.w = MEM_NEW(float, "test", f.net->n_params);
  f.wide = MEM_NEW(double, "test", f.net->n_params);
  net_init(f.net, f.w, 5);
  for (size_t i = 0; i < f.net->n_params; i++) f.wide[i] = (double)f.w[i];
  f.weights = weights_new(f.net);
  weights_make(&f.weights, f.net, f.w, NULL);
  return f;
}

static void fixture_free(Fixture *f) {
  weights_free(&f->weights);
  mem_free(&f->w);
  mem_free(&f->wide);
  net_free(&f->net);
}

static double reference_energy(const Net *net, const double *x, const double *w) {
  double y[DIM], sum = 0;
  reference_net(net, 0, net->n_nodes, y, x, w);
  for (int i = 0; i < DIM; i++) sum += (y[i] - x[i]) * (y[i] - x[i]);
  return sum / DIM;
}

static double reference_latent_energy(const Net *net, const double *z, const double *w) {
  double x[DIM];
  reference_net(net, net->n_encoder, net->n_nodes, x, z, w);
  return reference_energy(net, x, w);
}

static double reference_l1(const Net *net, const double *x, const double *w) {
  double z[LATENT], sum = 0;
  reference_net(net, 0, net->n_encoder, z, x, w);
  for (int i = 0; i < LATENT; i++) sum += fabs(z[i]);
  return sum;
}

static void take_lane(double *sample, const float *x, int n, int l) {
  for (int i = 0; i < n; i++) sample[i] = (double)x[i * L + l];
}

/* sum over samples of factor (linear E + quadratic E^2 + l1 |z|) */
static double reference_loss(const Net *net, const Leaf *leaf, double l1, const double *w) {
  double loss = 0;
  for (int t = 0; t < leaf->tiles; t++)
    for (int l = 0; l < L; l++) {
      double x[DIM];
      take_lane(x, leaf->x[t], DIM, l);
      double e = reference_energy(net, x, w);
      loss += (double)leaf->factor[t][l] * (leaf->linear * e + leaf->quadratic * e * e);
      if (l1 > 0) loss += (double)leaf->factor[t][l] * l1 * reference_l1(net, x, w);
    }
  return loss;
}

static void check_loss(const char *name, double linear, double quadratic, double l1) {
  Fixture f = fixture_new();
  float *x[TILES] = {some_floats(1, DIM * L), some_floats(2, DIM * L)};
  float factor[TILES][L];
  uint64_t id[TILES][L] = {{0}};
  double energy[TILES][L];
  for (int i = 0; i < TILES * L; i++) factor[i / L][i % L] = some(3, (uint32_t)i);
  Leaf leaf = {.tiles = TILES,
               .x = x,
               .target = x,
               .factor = (const float(*)[L])factor,
               .id = (const uint64_t(*)[L])id,
               .linear = linear,
               .quadratic = quadratic,
               .energy = energy};
  LeafWork *work = leaf_work_new(f.net, &f.weights, distance_find("mse"), TILES);
  float *dw = MEM_NEW(float, "test", f.net->n_params);
  ObjectiveOpts opts = {.sparse_l1 = l1};
  objective_find(name)->leaf(work, &opts, &leaf, dw);
  for (int l = 0; l < L; l++) {
    double sample[DIM];
    take_lane(sample, x[1], DIM, l);
    double want = reference_energy(f.net, sample, f.wide);
    assert_float_equal(energy[1][l], want, 1e-6 * want);
  }
  for (size_t i = 0; i < f.net->n_params; i++) {
    const double h = 1e-6, old = f.wide[i];
    f.wide[i] = old + h;
    double up = reference_loss(f.net, &leaf, l1, f.wide);
    f.wide[i] = old - h;
    double down = reference_loss(f.net, &leaf, l1, f.wide);
    f.wide[i] = old;
    assert_float_equal(dw[i], (up - down) / (2 * h), 1e-5);
  }
  mem_free(&dw);
  leaf_work_free(&work);
  for (int t = 0; t < TILES; t++) mem_free(&x[t]);
  fixture_free(&f);
}

static void losses_follow_the_reference(void **state) {
  check_loss("ae", 1, 0, 0);
  check_loss("sparse", 1, 0, 0.3);
  check_loss("nae", -2.5, 0.7, 0);
}

static void check_energy(const Fixture *f, const Energy *energy, const float *x,
                         double (*reference)(const Net *, const double *, const double *)) {
  double e[L], alone[L], sample[DIM];
  float *dx = MEM_NEW(float, "test", energy->dim *L);
  energy->eval(energy->self, e, dx, x);
  energy->eval(energy->self, alone, NULL, x);
  assert_memory_equal(e, alone, sizeof e);
  for (int l = 0; l < L; l += 5) {
    take_lane(sample, x, (int)energy->dim, l);
    assert_float_equal(e[l], reference(f->net, sample, f->wide), 1e-6);
    for (long i = 0; i < energy->dim; i++) {
      const double h = 1e-6, old = sample[i];
      sample[i] = old + h;
      double up = reference(f->net, sample, f->wide);
      sample[i] = old - h;
      double down = reference(f->net, sample, f->wide);
      sample[i] = old;
      assert_float_equal(dx[i * L + l], (up - down) / (2 * h), 2e-6);
    }
  }
  mem_free(&dx);
}

static void energies_follow_the_reference(void **state) {
  Fixture f = fixture_new();
  Recon *recon = recon_new(f.net, &f.weights, distance_find("mse"));
  float *x = some_floats(7, DIM * L);
  Energy visible = recon_visible(recon), latent = recon_latent(recon);
  assert_int_equal(visible.dim, DIM);
  assert_int_equal(latent.dim, LATENT);
  check_energy(&f, &visible, x, reference_energy);
  check_energy(&f, &latent, x, reference_latent_energy);
  mem_free(&x);
  recon_free(&recon);
  fixture_free(&f);
}

/* Chains without steps show where they start. */
static NegativeOpts no_steps(NegativeMode mode) {
  ChainOpts chain = {.temperature = 0.04, .step = 1};
  return (NegativeOpts){.mode = mode,
                        .z_sampler = sampler_find("mala"),
                        .x_sampler = sampler_find("mala"),
                        .z = chain,
                        .x = chain,
                        .replay_ratio = 0.5,
                        .seed = 3};
}

static void starts_on_the_manifold(void **state) {
  Fixture f = fixture_new();
  NegativeOpts opts = no_steps(NEG_ON_MANIFOLD);
  Negative *negative = negative_new(f.net, &f.weights, distance_find("mse"));
  Replay replay = replay_new(0, L, 2, LATENT);
  float *x = MEM_NEW(float, "test", DIM *L);
  NegativeStats stats;
  negative_tile(negative, &opts, &replay, x, 0, 4, &stats);
  for (int l = 0; l < L; l++) {
    double z[LATENT], want[DIM];
    assert_int_equal(replay.fill[l], 1);
    for (int i = 0; i < LATENT; i++) z[i] = (double)replay.state[l * 2 * LATENT + i];
    reference_net(f.net, f.net->n_encoder, f.net->n_nodes, want, z, f.wide);
    for (int i = 0; i < DIM; i++) assert_float_equal(x[i * L + l], want[i], 1e-5);
  }
  mem_free(&x);
  replay_free(&replay);
  negative_free(&negative);
  fixture_free(&f);
}

/* x_warm adds white noise of variance dim T / 2: the mean square of many starts tells. */
static void warm_starts_have_the_width(void **state) {
  Fixture f = fixture_new();
  NegativeOpts opts = no_steps(NEG_ON_MANIFOLD), cold = opts;
  opts.x_warm = true;
  Negative *negative = negative_new(f.net, &f.weights, distance_find("mse"));
  Replay replay = replay_new(0, L, 1, LATENT), same = replay_new(0, L, 1, LATENT);
  float *x = MEM_NEW(float, "test", DIM *L), *at = MEM_NEW(float, "test", DIM *L);
  NegativeStats stats;
  double sum = 0;
  enum { STEPS = 100 };
  for (uint32_t step = 0; step < STEPS; step++) {
    negative_tile(negative, &opts, &replay, x, 0, step, &stats);
    negative_tile(negative, &cold, &same, at, 0, step, &stats);
    for (int i = 0; i < DIM * L; i++)
      sum += ((double)x[i] - (double)at[i]) * ((double)x[i] - (double)at[i]);
  }
  double n = (double)STEPS * DIM * L, want = DIM * 0.04 / 2;
  assert_float_equal(sum / n, want, 5 * want * sqrt(2 / n)); /* 5 sigma */
  mem_free(&x);
  mem_free(&at);
  replay_free(&replay);
  replay_free(&same);
  negative_free(&negative);
  fixture_free(&f);
}

static void other_modes_start_elsewhere(void **state) {
  Fixture f = fixture_new();
  NegativeOpts cd = no_steps(NEG_CD), pcd = no_steps(NEG_PCD);
  Negative *negative = negative_new(f.net, &f.weights, distance_find("mse"));
  Replay replay = replay_new(0, L, 1, DIM);
  float *x = some_floats(9, DIM * L), *data = some_floats(9, DIM * L);
  NegativeStats stats;
  negative_tile(negative, &cd, NULL, x, 0, 1, &stats);
  assert_memory_equal(x, data, DIM * L * sizeof *x);

  pcd.x_sampler = sampler_find("langevin");
  pcd.x.bounded = true, pcd.x.low = 2, pcd.x.high = 3;
  negative_tile(negative, &pcd, &replay, x, 0, 1, &stats);
  for (int i = 0; i < DIM * L; i++) assert_true(x[i] >= 2 && x[i] <= 3);
  pcd.replay_ratio = 1; /* from now on from the slots */
  memcpy(data, x, DIM * L * sizeof *x);
  negative_tile(negative, &pcd, &replay, x, 0, 2, &stats);
  assert_memory_equal(x, data, DIM * L * sizeof *x);
  assert_int_equal(replay.age[0], 2);
  mem_free(&x);
  mem_free(&data);
  replay_free(&replay);
  negative_free(&negative);
  fixture_free(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(losses_follow_the_reference),
      cmocka_unit_test(energies_follow_the_reference),
      cmocka_unit_test(starts_on_the_manifold),
      cmocka_unit_test(warm_starts_have_the_width),
      cmocka_unit_test(other_modes_start_elsewhere),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
