/* Recovery energies against a plain double reference: values, gradients by finite differences,
 * where chains start, a tile of negatives, and that mala on them samples the Gaussian which they
 * are for a linear model. */
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

enum { DIM = 6, MOST = 3 };

/* A network with its weights, also in double. */
typedef struct Fixture {
  Net *net;
  float *w;
  double *wide;
  Weights weights;
} Fixture;

static Fixture fixture_new(const char *encoder, const char *decoder, int dim, uint64_t seed) {
  NetSpec spec = net_parse(encoder, decoder);
  Fixture f;
  assert_int_equal(net_new(&f.net, &spec, (Shape){dim, 1, 1}), OK);
  f.w = MEM_NEW(float, "test", f.net->n_params);
  f.wide = MEM_NEW(double, "test", f.net->n_params);
  net_init(f.net, f.w, seed);
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

/* The energy's network and a frozen autoencoder, and a recovery that has started. */
typedef struct Rig {
  Fixture energy, frozen;
  Manifold manifold;
  Manifolds manifolds;
  Recon *recon;
  Recovery *recovery;
  RecoveryOpts opts;
  double weight;
  float *around; /* (latent, L) z~ */
  uint64_t chain[L];
} Rig;

enum { SEED = 9, STEP = 4 };

static void rig_start(Rig *rig, long first) {
  float *x = some_floats(3, (size_t)shape_size(rig->frozen.net->input) * L);
  for (int l = 0; l < L; l++) rig->chain[l] = (uint64_t)(first + l);
  recovery_start(rig->recovery, &rig->opts, 0, SEED, rig->around, x, rig->chain, STEP);
  mem_free(&x);
}

static void rig_new(Rig *rig, Fixture energy, Fixture frozen, bool sphere, RecoveryOpts opts) {
  const char *distance = net_scalar(energy.net) ? "scalar" : "mse";
  *rig = (Rig){.energy = energy, .frozen = frozen, .opts = opts};
  rig->manifold = (Manifold){frozen.net, frozen.weights, sphere};
  rig->manifolds = (Manifolds){1, &rig->manifold};
  rig->recon = recon_new(energy.net, &rig->energy.weights, distance_find(distance));
  rig->recovery = recovery_new(rig->recon, &rig->manifolds);
  rig->around = MEM_NEW(float, "test", MOST *L);
  rig_start(rig, 0);
}

static void rig_free(Rig *rig) {
  recovery_free(&rig->recovery);
  recon_free(&rig->recon);
  mem_free(&rig->around);
  fixture_free(&rig->energy);
  fixture_free(&rig->frozen);
}

static double sigma_of(const Rig *rig, int l) {
  double u = rng_uniform(rng_key(SEED, RNG_DIFFUSE), rig->chain[l], STEP, 0);
  return rig->opts.sigma_low + (rig->opts.sigma_high - rig->opts.sigma_low) * u;
}

/* E(x) + weight |e0(x) - z~|^2 / (2 sigma^2) of lane l */
static double reference_visible(const Rig *rig, int l, const double *x) {
  const Net *net = rig->energy.net, *frozen = rig->frozen.net;
  long dim = shape_size(net->input), latent = shape_size(net_latent(frozen));
  double y[DIM], z[MOST], e = 0, away = 0, sigma = sigma_of(rig, l);
  reference_net(net, 0, net->n_nodes, y, x, rig->energy.wide);
  for (int i = 0; i < dim; i++) e += (y[i] - x[i]) * (y[i] - x[i]) / (double)dim;
  if (net_scalar(net)) e = y[0];
  reference_net(frozen, 0, frozen->n_encoder, z, x, rig->frozen.wide);
  for (int j = 0; j < latent; j++) {
    double from = z[j] - (double)rig->around[j * L + l];
    away += from * from;
  }
  return e + rig->weight * away / (2 * sigma * sigma);
}

static double reference_latent(const Rig *rig, int l, const double *z) {
  const Net *frozen = rig->frozen.net;
  double x[DIM];
  reference_net(frozen, frozen->n_encoder, frozen->n_nodes, x, z, rig->frozen.wide);
  return reference_visible(rig, l, x);
}

typedef double Reference(const Rig *rig, int l, const double *x);

static void check_energy(const Rig *rig, const Energy *energy, Reference *reference) {
  float *x = some_floats(7, (size_t)energy->dim * L),
        *dx = MEM_NEW(float, "test", energy->dim *L);
  double e[L], alone[L], at[DIM];
  energy->eval(energy->self, e, dx, x);
  energy->eval(energy->self, alone, NULL, x);
  assert_memory_equal(e, alone, sizeof e);
  for (int l = 0; l < L; l++) {
    for (long i = 0; i < energy->dim; i++) at[i] = (double)x[i * L + l];
    assert_float_equal(e[l], reference(rig, l, at), 1e-6);
    for (long i = 0; i < energy->dim; i++) {
      const double h = 1e-6, old = at[i];
      at[i] = old + h;
      double up = reference(rig, l, at);
      at[i] = old - h;
      double down = reference(rig, l, at);
      at[i] = old;
      assert_float_equal(dx[i * L + l], (up - down) / (2 * h), 5e-6);
    }
  }
  mem_free(&x), mem_free(&dx);
}

static void check_both(Rig *rig) {
  rig->weight = 0.03;
  Energy visible = recovery_visible(rig->recovery, rig->weight);
  check_energy(rig, &visible, reference_visible);
  Energy latent = recovery_latent(rig->recovery, rig->weight);
  check_energy(rig, &latent, reference_latent);
  rig->weight = 0;
  visible = recovery_visible(rig->recovery, rig->weight);
  check_energy(rig, &visible, reference_visible);
}

static const RecoveryOpts wide = {.sigma_low = 0.2, .sigma_high = 0.6};

static void energies_follow_the_reference(void **state) {
  const char *encoder[] = {"dense 5; tanh; dense 2", "dense 4; softplus; dense 1"};
  const char *decoder[] = {"dense 7; softplus; dense 6", ""};
  for (int i = 0; i < 2; i++) { /* an error, a scalar network */
    Rig rig;
    rig_new(&rig, fixture_new(encoder[i], decoder[i], DIM, 5),
            fixture_new("dense 4; tanh; dense 3; sphere", "dense 5; tanh; dense 6", DIM, 6), true,
            wide);
    check_both(&rig);
    rig_free(&rig);
  }
}

/* z~ = e0(x) + sigma xi: on the sphere of length 1; else with sigma uniform and xi normal. */
static void chains_start_at_diffused_codes(void **state) {
  for (int sphere = 0; sphere < 2; sphere++) {
    Rig rig;
    rig_new(&rig, fixture_new("dense 2", "dense 6", DIM, 5),
            fixture_new(sphere ? "dense 3; sphere" : "dense 3", "dense 6", DIM, 6), sphere, wide);
    float *x = some_floats(3, DIM * L), *code = MEM_NEW(float, "test", MOST *L);
    double sum = 0, square = 0;
    enum { TILES = 300 };
    Recon *frozen = recon_new(rig.frozen.net, &rig.frozen.weights, rig.recon->distance);
    recon_encode(frozen, code, x);
    for (int tile = 0; tile < TILES; tile++) {
      rig_start(&rig, tile * L);
      for (int l = 0; l < L; l++) {
        double length = 0;
        for (int j = 0; j < MOST; j++) {
          double z = (double)rig.around[j * L + l];
          double from = (z - (double)code[j * L + l]) / sigma_of(&rig, l);
          length += z * z, sum += from, square += from * from;
        }
        if (sphere) assert_float_equal(length, 1, 1e-6);
        assert_true(sigma_of(&rig, l) > wide.sigma_low && sigma_of(&rig, l) < wide.sigma_high);
      }
    }
    double n = (double)TILES * L * MOST;
    if (!sphere) assert_float_equal(sum / n, 0, 5 / sqrt(n));
    if (!sphere) assert_float_equal(square / n, 1, 5 * sqrt(2 / n));
    mem_free(&x), mem_free(&code);
    recon_free(&frozen);
    rig_free(&rig);
  }
}

/* ---- a tile of negatives ---- */

/* df/dx[i] by differences of fourth order. */
static double slope(const Rig *rig, Reference *f, int l, double *x, long i) {
  const double h = 1e-3, old = x[i], weight[4] = {1, -8, 8, -1};
  double sum = 0;
  for (int k = 0; k < 4; k++) {
    x[i] = old + (k < 2 ? k - 2 : k - 1) * h;
    sum += weight[k] * f(rig, l, x);
  }
  x[i] = old;
  return sum / (12 * h);
}

/* x (dim) along f of lane l, with the noise as chains draw it (mcmc/sampler.h). */
static void walk(const Rig *rig, Reference *f, const ChainOpts *chain, RngPurpose purpose, int l,
                 double *x, long dim) {
  double g[DIM];
  float *xi = MEM_NEW(float, "test", dim *L);
  for (int step = 0; step < chain->steps; step++) {
    uint64_t id[L];
    for (int k = 0; k < L; k++) id[k] = rig->chain[k] + ((uint64_t)(step + 1) << 32);
    rows()->normals(xi, rng_key(SEED, purpose), id, STEP, dim);
    for (long i = 0; i < dim; i++) g[i] = slope(rig, f, l, x, i);
    for (long i = 0; i < dim; i++)
      x[i] += chain->noise * (double)xi[i * L + l] - chain->step / chain->temperature * g[i];
  }
  mem_free(&xi);
}

/* T is not 1, and each chain has a c of its own. */
static void a_tile_recovers_with_each_chains_own_weight(void **state) {
  Rig rig;
  NegativeStats stats;
  rig_new(&rig, fixture_new("dense 5; tanh; dense 2", "dense 7; softplus; dense 6", DIM, 5),
          fixture_new("dense 4; tanh; dense 3", "dense 5; tanh; dense 6", DIM, 6), false, wide);
  ChainOpts chain = {.steps = 3, .step = 0.004, .noise = 0.05, .temperature = 0.2};
  NegativeOpts opts = {
      .mode = NEG_RECOVERY, .z = chain, .x = chain, .recovery = wide, .seed = SEED};
  opts.z_sampler = opts.x_sampler = sampler_find("langevin");
  opts.z.temperature = 0.3;
  opts.recovery.z_weight = 0.7, opts.recovery.x_weight = 2;
  Negative *negative =
      negative_new(rig.energy.net, &rig.energy.weights, distance_find("mse"), &rig.manifolds);
  float *x = some_floats(3, DIM * L);
  negative_tile(negative, &opts, NULL, x, 0, STEP, &stats);
  for (int l = 0; l < L; l += 3) {
    double z[MOST], want[DIM];
    for (int j = 0; j < MOST; j++) z[j] = (double)rig.around[j * L + l];
    rig.weight = 0.3 * 0.7;
    walk(&rig, reference_latent, &opts.z, RNG_Z_CHAIN, l, z, MOST);
    reference_net(rig.frozen.net, rig.frozen.net->n_encoder, rig.frozen.net->n_nodes, want, z,
                  rig.frozen.wide);
    rig.weight = 0.2 * 2;
    walk(&rig, reference_visible, &opts.x, RNG_X_CHAIN, l, want, DIM);
    for (int i = 0; i < DIM; i++) assert_float_equal(x[i * L + l], want[i], 2e-6);
  }
  mem_free(&x);
  negative_free(&negative);
  rig_free(&rig);
}

/* Mean and covariance of exp(-f/T) for a quadratic f in n <= 2 dimensions, whose differences are
 * exact. */
static void gaussian(const Rig *rig, Reference *f, int l, int n, double t, double mean[2],
                     double cov[2][2]) {
  const double h = 0.5;
  double g[2] = {0}, a[2][2] = {{1, 0}, {0, 1}};
  for (int i = 0; i < n; i++)
    for (int j = 0; j < n; j++) {
      double sum = 0, slope = 0;
      for (int s = -1; s <= 1; s += 2)
        for (int u = -1; u <= 1; u += 2) {
          double x[2] = {0};
          x[i] += s * h, x[j] += u * h;
          sum += s * u * f(rig, l, x);
        }
      double up[2] = {0}, down[2] = {0};
      up[i] = h, down[i] = -h;
      slope = (f(rig, l, up) - f(rig, l, down)) / (2 * h);
      a[i][j] = sum / (4 * h * h) / t, g[i] = slope / t;
    }
  double det = a[0][0] * a[1][1] - a[0][1] * a[1][0];
  double inverse[2][2] = {{a[1][1] / det, -a[0][1] / det}, {-a[1][0] / det, a[0][0] / det}};
  memcpy(cov, inverse, sizeof inverse);
  for (int i = 0; i < n; i++) mean[i] = -inverse[i][0] * g[0] - inverse[i][1] * g[1];
}

/* Many chains of mala from z~: whitened, their ends have mean 0 and variance 1. */
static void check_moments(Rig *rig, Reference *f, bool visible) {
  const double t = 0.3;
  enum { TILES = 100, STEPS = 150 };
  ChainOpts chain = {.steps = STEPS, .step = 0.1, .temperature = t};
  RngKey noise = rng_key(1, RNG_Z_CHAIN), accept = rng_key(1, RNG_Z_ACCEPT);
  rig->weight = t * 5;
  Energy e = visible ? recovery_visible(rig->recovery, rig->weight)
                     : recovery_latent(rig->recovery, rig->weight);
  int n = (int)e.dim;
  float *x = MEM_NEW(float, "test", n *L);
  float *scratch = MEM_NEW(float, "test", sampler_scratch(n));
  double sum[2] = {0}, square[2][2] = {{0}}, count = (double)TILES * L;
  double mean[2], cov[2][2];
  ChainStats stats;
  for (int tile = 0; tile < TILES; tile++) {
    rig_start(rig, tile * L);
    for (int i = 0; i < n * L; i++) x[i] = 0;
    sampler_find("mala")->run(x, &e, &chain, noise, accept, rig->chain, 1, scratch, &stats);
    for (int l = 0; l < L; l++) {
      double from[2] = {0};
      gaussian(rig, f, l, n, t, mean, cov);
      for (int i = 0; i < n; i++) from[i] = (double)x[i * L + l] - mean[i], sum[i] += from[i];
      for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) square[i][j] += from[i] * from[j];
    }
  }
  for (int i = 0; i < n; i++) {
    assert_float_equal(sum[i] / count, 0, 5 * sqrt(cov[i][i] / count));
    for (int j = 0; j < n; j++) {
      double width = sqrt((cov[i][i] * cov[j][j] + cov[i][j] * cov[i][j]) / count);
      assert_float_equal(square[i][j] / count, cov[i][j], 5 * width);
    }
  }
  mem_free(&x), mem_free(&scratch);
}

static void mala_samples_the_gaussian_of_a_linear_model(void **state) {
  Rig rig;
  const RecoveryOpts one_width = {.sigma_low = 0.7, .sigma_high = 0.7};
  rig_new(&rig, fixture_new("dense 1", "dense 2", 2, 5), fixture_new("dense 2", "dense 2", 2, 7),
          false, one_width);
  check_moments(&rig, reference_visible, true);
  check_moments(&rig, reference_latent, false);
  rig_free(&rig);
}

static void steps_take_every_manifold(void **state) {
  int seen[3] = {0};
  for (uint32_t step = 0; step < 3000; step++) seen[recovery_choice(5, step, 3)]++;
  for (int k = 0; k < 3; k++) assert_in_range(seen[k], 870, 1130); /* 5 sigma */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(energies_follow_the_reference),
      cmocka_unit_test(chains_start_at_diffused_codes),
      cmocka_unit_test(a_tile_recovers_with_each_chains_own_weight),
      cmocka_unit_test(mala_samples_the_gaussian_of_a_linear_model),
      cmocka_unit_test(steps_take_every_manifold),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
