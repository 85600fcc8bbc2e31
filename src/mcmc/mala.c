/* The Metropolis-adjusted Langevin algorithm. With c = l / T and s = sqrt(2 l) the proposal is, on
 * the plane,
 *
 *   y = x - c g(x) + s xi,   log a = -(E(y) - E(x)) / T - R / (4 l),
 *   R = |x - y + c g(y)|^2 - |y - x + c g(x)|^2
 *
 * and on the unit sphere, P_z being the projection on the tangent space at z,
 *
 *   v = -c P_z g(z) + s P_z xi,   y = (z + v) / |z + v|,
 *   R = |v' + c P_y g(y)|^2 - |v + c P_z g(z)|^2,   v' = z / (z.y) - y:
 *
 * y + v' points at z, and the Jacobian, a power of z.y, is symmetric and cancels. A gradient that
 * is clipped defines another proposal, exact all the same. */
#include "mcmc/chain.h"
#include "num/dvec.h"
#include "num/elem.h"

typedef struct Mala {
  const Energy *energy;
  const ChainOpts *opts;
  ChainStats *stats;
  double c, s; /* l / T, sqrt(2 l) */
  double e[L], e_new[L];
  float *g, *y, *g_new; /* (dim, L); y holds the noise first */
  double *z, *z_new;    /* (dim, L) the state on the sphere */
} Mala;

static void evaluate(Mala *m, double e[L], float *g, const float *x) {
  m->energy->eval(m->energy->self, e, g, x);
  hold_points(g, x, m->energy->dim, m->opts);
  clip_gradient(g, x, m->energy->dim, m->opts, m->stats);
}

/* ---- on the plane ---- */

static void plane_propose(Mala *m, const float *x) {
  dvec drift = d_set(-m->c), noise = d_set(m->s);
  for (long i = 0; i < m->energy->dim; i++) D_LANES(l) {
      dvec v = d_fma(drift, d_load(m->g + l, i), d_load(x + l, i));
      d_store(m->y + l, i, d_fma(noise, d_load(m->y + l, i), v));
    }
}

/* R, as a sum of (b - f) (b + f) over backward b and forward f: nothing large cancels. */
static void plane_ratio(double r[L], const Mala *m, const float *x) {
  dvec c = d_set(m->c), minus_two = d_set(-2);
  D_LANES(l) {
    dvec sum = d_set(0);
    for (long i = 0; i < m->energy->dim; i++) {
      dvec g = d_load(m->g + l, i), g_new = d_load(m->g_new + l, i);
      dvec move = d_load(m->y + l, i) - d_load(x + l, i);
      dvec difference = d_fma(minus_two, move, c * (g_new - g));
      sum = d_fma(difference, c * (g_new + g), sum);
    }
    dd_store(r + l, 0, sum);
  }
}

/* ---- on the unit sphere, in double: v' cancels for small l ---- */

static void sphere_start(Mala *m, const float *x) {
  double norm[L];
  PER_ISA(rows).dot(norm, x, x, m->energy->dim);
  D_LANES(l) {
    dvec length = d_sqrt(dd_load(norm + l, 0));
    for (long i = 0; i < m->energy->dim; i++) dd_store(m->z + l, i, d_load(x + l, i) / length);
  }
}

/* z.a for a row array of floats */
INLINE dvec sphere_dot(const double *z, const float *a, long dim) {
  dvec sum = d_set(0);
  for (long i = 0; i < dim; i++) sum = d_fma(dd_load(z, i), d_load(a, i), sum);
  return sum;
}

/* y from the noise in y; forward[l] = |v + c P_z g|^2, which is that of the noise alone */
static void sphere_propose(Mala *m, double forward[L]) {
  long dim = m->energy->dim;
  D_LANES(l) {
    const double *z = m->z + l;
    double *z_new = m->z_new + l;
    dvec zg = sphere_dot(z, m->g + l, dim), zxi = sphere_dot(z, m->y + l, dim);
    dvec sum = d_set(0), norm = d_set(0), drift = d_set(-m->c), noise = d_set(m->s);
    for (long i = 0; i < dim; i++) {
      dvec zi = dd_load(z, i);
      dvec slope = d_fma(-zi, zg, d_load(m->g + l, i));
      dvec kick = noise * d_fma(-zi, zxi, d_load(m->y + l, i));
      dvec to = zi + d_fma(drift, slope, kick);
      sum = d_fma(kick, kick, sum);
      norm = d_fma(to, to, norm);
      dd_store(z_new, i, to);
    }
    dd_store(forward + l, 0, sum);
    norm = d_sqrt(norm);
    for (long i = 0; i < dim; i++) {
      dvec to = dd_load(z_new, i) / norm;
      dd_store(z_new, i, to);
      d_store(m->y + l, i, to);
    }
  }
}

static void sphere_ratio(double r[L], const Mala *m, const double forward[L]) {
  long dim = m->energy->dim;
  D_LANES(l) {
    const double *z = m->z + l, *z_new = m->z_new + l;
    dvec yg = sphere_dot(z_new, m->g_new + l, dim), zy = d_set(0), sum = d_set(0);
    for (long i = 0; i < dim; i++) zy = d_fma(dd_load(z, i), dd_load(z_new, i), zy);
    for (long i = 0; i < dim; i++) {
      dvec yi = dd_load(z_new, i);
      dvec slope = d_fma(-yi, yg, d_load(m->g_new + l, i));
      dvec back = d_fma(d_set(m->c), slope, dd_load(z, i) / zy - yi);
      sum = d_fma(back, back, sum);
    }
    dd_store(r + l, 0, sum - dd_load(forward + l, 0));
  }
}

static void sphere_store(float *x, const double *z, long dim) {
  for (long i = 0; i < dim * L; i++) x[i] = (float)z[i];
}

/* ---- both ---- */

/* accept[l] is 1 or 0. What is not a number is refused. */
static void decide(Mala *m, float accept[L], const double r[L], RngKey key,
                   const uint64_t chain[L], uint32_t step, int i) {
  for (int l = 0; l < L; l++) {
    double log_a = -(m->e_new[l] - m->e[l]) / m->opts->temperature - r[l] / (4 * m->opts->step);
    bool yes = log_a >= 0 || elem_log(rng_uniform(key, chain[l], step, (uint32_t)i)) < log_a;
    accept[l] = yes;
    if (yes) m->e[l] = m->e_new[l];
    m->stats->accepted += yes;
  }
  m->stats->proposed += L;
}

static void keep(float *x, const float *y, const float accept[L], long dim) {
  for (long i = 0; i < dim; i++)
    for (int l = 0; l < L; l++) x[L * i + l] = accept[l] > 0 ? y[L * i + l] : x[L * i + l];
}

static void keep_double(double *x, const double *y, const float accept[L], long dim) {
  for (long i = 0; i < dim; i++)
    for (int l = 0; l < L; l++) x[L * i + l] = accept[l] > 0 ? y[L * i + l] : x[L * i + l];
}

static Mala mala_on(const Energy *energy, const ChainOpts *opts, float *scratch,
                    ChainStats *stats) {
  long n = energy->dim * L;
  double *z = (double *)scratch;
  float *rest = scratch + 4 * n;
  return (Mala){.energy = energy,
                .opts = opts,
                .stats = stats,
                .c = opts->step / opts->temperature,
                .s = sqrt(2 * opts->step),
                .z = z,
                .z_new = z + n,
                .g = rest,
                .y = rest + n,
                .g_new = rest + 2 * n};
}

static void run(float *x, const Energy *energy, const ChainOpts *opts, RngKey noise,
                RngKey accept, const uint64_t chain[L], uint32_t step, float *scratch,
                ChainStats *stats) {
  Mala m = mala_on(energy, opts, scratch, stats);
  long dim = energy->dim;
  double r[L], forward[L];
  float yes[L];
  *stats = (ChainStats){0};
  if (opts->sphere) {
    sphere_start(&m, x);
    sphere_store(x, m.z, dim);
  }
  evaluate(&m, m.e, m.g, x);
  memcpy(stats->first, m.e, sizeof m.e);
  for (int i = 0; i < opts->steps; i++) {
    chain_noise(m.y, noise, chain, step, i, dim);
    hold_points(m.y, x, dim, opts);
    if (opts->sphere)
      sphere_propose(&m, forward);
    else
      plane_propose(&m, x);
    evaluate(&m, m.e_new, m.g_new, m.y);
    if (opts->sphere)
      sphere_ratio(r, &m, forward);
    else
      plane_ratio(r, &m, x);
    decide(&m, yes, r, accept, chain, step, i);
    keep(x, m.y, yes, dim);
    keep(m.g, m.g_new, yes, dim);
    if (opts->sphere) keep_double(m.z, m.z_new, yes, dim);
  }
  memcpy(stats->last, m.e, sizeof m.e);
}

const Sampler PER_ISA(mala) = {
    .name = "mala",
    .help = "exact: samples exp(-E/T), on the plane and on the unit sphere; no bounds",
    .exact = true,
    .run = run};
