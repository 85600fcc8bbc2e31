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
#include "num/rows.h"
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
static Fixture fixture_new(const char *encoder) {
  NetSpec spec = net_parse(encoder, "dense 9; softplus; dense 12");
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

static void take_lane(double *sample, const float *x, int n, int l) {
  for (int i = 0; i < n; i++) sample[i] = (double)x[i * L + l];
}

/* What one sample adds to the loss besides its energy, and the code that is decoded: in double,
 * with the random numbers that the objective draws. */
typedef struct Sample {
  const Net *net;
  const ObjectiveOpts *opts;
  const double *w, *code_mean;
  double noise[DIM]; /* of the tile and lane at hand */
} Sample;

typedef struct Case {
  const char *objective, *encoder;
  ObjectiveOpts opts;
  double linear, quadratic;
  double (*own)(const Sample *s, double *z, double *x); /* own terms; may change z, x */
  RngPurpose noise;
  bool uniform;
} Case;

static double plain_own(const Sample *s, double *z, double *x) {
  reference_net(s->net, 0, s->net->n_encoder, z, x, s->w);
  return 0;
}

static double sparse_own(const Sample *s, double *z, double *x) {
  double own = plain_own(s, z, x), rho = s->opts->sparse_target;
  for (int j = 0; j < LATENT; j++) {
    /* Linear in z about the mean of the steps before: its slope is that of the KL there. */
    double slope = (1 - rho) / (1 - s->code_mean[j]) - rho / s->code_mean[j];
    own += s->opts->sparse_l1 * fabs(z[j]) + s->opts->sparse_kl * slope * z[j];
  }
  return own;
}

static double vae_own(const Sample *s, double *z, double *x) {
  double h[2 * LATENT], kl = 0;
  reference_net(s->net, 0, s->net->n_encoder - 1, h, x, s->w);
  for (int j = 0; j < LATENT; j++) {
    double variance = exp(h[LATENT + j]);
    z[j] = h[j] + sqrt(variance) * s->noise[j];
    kl -= 0.5 * (1 + h[LATENT + j] - h[j] * h[j] - variance);
  }
  return s->opts->vae_beta * 3 / 8 * kl / DIM; /* step 3 of 8 */
}

static double gaussian_own(const Sample *s, double *z, double *x) {
  for (int i = 0; i < DIM; i++) x[i] += s->opts->noise_level * s->noise[i];
  return plain_own(s, z, x);
}

static double masking_own(const Sample *s, double *z, double *x) {
  for (int i = 0; i < DIM; i++) x[i] = s->noise[i] < s->opts->noise_level ? 0 : x[i];
  return plain_own(s, z, x);
}

static double pepper_own(const Sample *s, double *z, double *x) {
  double low = x[0], high = x[0], level = s->opts->noise_level;
  for (int i = 0; i < DIM; i++) low = fmin(low, x[i]), high = fmax(high, x[i]);
  for (int i = 0; i < DIM; i++)
    if (s->noise[i] < level) x[i] = s->noise[i] < level / 2 ? low : high;
  return plain_own(s, z, x);
}

#define PLAIN "dense 7; tanh; dense 3"
static const Case cases[] = {
    {"ae", PLAIN, {.vae_beta = 0}, 1, 0, plain_own, 0, false},
    {"nae", PLAIN, {.vae_beta = 0}, -2.5, 0.7, plain_own, 0, false},
    {"sparse", PLAIN, {.sparse_l1 = 0.3, .sparse_target = 0.2}, 1, 0, sparse_own, 0, false},
    {"sparse",
     PLAIN "; sigmoid",
     {.sparse_kl = 0.4, .sparse_target = 0.2},
     1,
     0,
     sparse_own,
     0,
     false},
    {"vae",
     "dense 7; tanh; dense 6; gaussian",
     {.vae_beta = 2, .vae_anneal_steps = 8},
     1,
     0,
     vae_own,
     RNG_REPARAM,
     false},
    {"denoise", PLAIN, {.noise_level = 0.3}, 1, 0, gaussian_own, RNG_CORRUPT, false},
    {"denoise",
     PLAIN,
     {.noise_level = 0.4, .noise = NOISE_MASKING},
     1,
     0,
     masking_own,
     RNG_CORRUPT,
     true},
    {"denoise",
     PLAIN,
     {.noise_level = 0.4, .noise = NOISE_SALT_PEPPER},
     1,
     0,
     pepper_own,
     RNG_CORRUPT,
     true},
};

static void draw_noise(Sample *s, const Case *c, const Leaf *leaf, int t, int l) {
  float noise[DIM * L] __attribute__((aligned(64))) = {0};
  RngKey key = rng_key(leaf->seed, c->noise);
  if (c->uniform)
    rows()->uniforms(noise, key, leaf->id[t], leaf->step, DIM);
  else if (c->noise)
    rows()->normals(noise, key, leaf->id[t], leaf->step, DIM);
  take_lane(s->noise, noise, DIM, l);
}

/* sum over samples of factor (linear E + quadratic E^2 + own terms) */
static double reference_loss(const Case *c, const Net *net, const Leaf *leaf, const double *w) {
  Sample s = {.net = net, .opts = &c->opts, .w = w, .code_mean = leaf->code_mean};
  double loss = 0;
  for (int t = 0; t < leaf->tiles; t++)
    for (int l = 0; l < L; l++) {
      double x[DIM], target[DIM], y[DIM], z[LATENT], e = 0;
      take_lane(x, leaf->x[t], DIM, l);
      take_lane(target, leaf->target[t], DIM, l);
      draw_noise(&s, c, leaf, t, l);
      double own = c->own(&s, z, x);
      reference_net(net, net->n_encoder, net->n_nodes, y, z, w);
      for (int i = 0; i < DIM; i++) e += (y[i] - target[i]) * (y[i] - target[i]) / DIM;
      loss += (double)leaf->factor[t][l] * (c->linear * e + c->quadratic * e * e + own);
    }
  return loss;
}

static void check_gradient(const Case *c, Fixture *f, const Leaf *leaf, const float *dw) {
  for (size_t i = 0; i < f->net->n_params; i++) {
    const double h = 1e-6, old = f->wide[i];
    f->wide[i] = old + h;
    double up = reference_loss(c, f->net, leaf, f->wide);
    f->wide[i] = old - h;
    double down = reference_loss(c, f->net, leaf, f->wide);
    f->wide[i] = old;
    assert_float_equal(dw[i], (up - down) / (2 * h), 1e-5);
  }
}

static double share(const Leaf *leaf) {
  double loss = 0;
  for (int t = 0; t < leaf->tiles; t++) {
    loss += leaf->penalty[t];
    for (int l = 0; l < L; l++) {
      double e = leaf->energy[t][l];
      loss += (double)leaf->factor[t][l] * (leaf->linear * e + leaf->quadratic * e * e);
    }
  }
  return loss;
}

static void check_loss(const Case *c) {
  Fixture f = fixture_new(c->encoder);
  float *x[TILES] = {some_floats(1, DIM * L), some_floats(2, DIM * L)};
  float *target[TILES] = {some_floats(4, DIM * L), some_floats(5, DIM * L)}, factor[TILES][L];
  const double code_mean[LATENT] = {0.1, 0.4, 0.7};
  int64_t code_sum[LATENT + 1] = {0};
  uint64_t id[TILES][L];
  double energy[TILES][L], penalty[TILES] = {0};
  for (int i = 0; i < TILES * L; i++) factor[i / L][i % L] = some(3, (uint32_t)i);
  for (int i = 0; i < TILES * L; i++) id[i / L][i % L] = (uint64_t)i * 71 + 5;
  Leaf leaf = {.tiles = TILES,
               .x = x,
               .target = target,
               .factor = (const float(*)[L])factor,
               .id = (const uint64_t(*)[L])id,
               .step = 3,
               .seed = 11,
               .linear = c->linear,
               .quadratic = c->quadratic,
               .code_mean = code_mean,
               .code_sum = code_sum,
               .energy = energy,
               .penalty = penalty};
  LeafWork *work = leaf_work_new(f.net, &f.weights, distance_find("mse"), TILES);
  float *dw = MEM_NEW(float, "test", f.net->n_params);
  objective_find(c->objective)->leaf(work, &c->opts, &leaf, dw);
  if (c->opts.sparse_kl == 0) /* whose value is that of the means, not of the codes */
    assert_float_equal(share(&leaf), reference_loss(c, f.net, &leaf, f.wide), 2e-6);
  check_gradient(c, &f, &leaf, dw);
  mem_free(&dw);
  leaf_work_free(&work);
  for (int t = 0; t < TILES; t++) mem_free(&x[t]), mem_free(&target[t]);
  fixture_free(&f);
}

static void losses_follow_the_reference(void **state) {
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) check_loss(&cases[i]);
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
  Fixture f = fixture_new(PLAIN);
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
  Fixture f = fixture_new(PLAIN);
  NegativeOpts opts = no_steps(NEG_ON_MANIFOLD);
  Negative *negative = negative_new(f.net, &f.weights, distance_find("mse"), NULL);
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
  Fixture f = fixture_new(PLAIN);
  NegativeOpts opts = no_steps(NEG_ON_MANIFOLD), cold = opts;
  opts.x_warm = true;
  Negative *negative = negative_new(f.net, &f.weights, distance_find("mse"), NULL);
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
  Fixture f = fixture_new(PLAIN);
  NegativeOpts cd = no_steps(NEG_CD), pcd = no_steps(NEG_PCD);
  Negative *negative = negative_new(f.net, &f.weights, distance_find("mse"), NULL);
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
