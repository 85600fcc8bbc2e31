#include "mcmc/anneal.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "num/elem.h"

static const double PI = 3.14159265358979323846;
/* The pilot: tiles of chains, rungs, and blocks of transitions on each, after which the step size
 * moves by a factor. */
enum { PILOT_TILES = 4, PILOT_RUNGS = 48, PILOT_BLOCKS = 4 };
static const uint64_t PILOT_CHAIN = (uint64_t)1 << 31;
static const double AIM = 0.57, FACTOR = 1.25;

Anneal anneal_new(const AnnealOpts *opts) {
  size_t tile = (size_t)opts->energy->dim * L, rungs = (size_t)opts->rungs + 1;
  return (Anneal){.opts = *opts,
                  .b = MEM_NEW(double, "ladder", rungs),
                  .step = MEM_NEW(double, "ladder", rungs),
                  .y = MEM_NEW(float, "annealed chains", tile),
                  .x = MEM_NEW(float, "annealed chains", tile),
                  .dx = MEM_NEW(float, "annealed chains", tile),
                  .chain = MEM_NEW(float, "annealed chains", sampler_scratch(opts->energy->dim))};
}

void anneal_free(Anneal *anneal) {
  mem_free(&anneal->b);
  mem_free(&anneal->step);
  mem_free(&anneal->y);
  mem_free(&anneal->x);
  mem_free(&anneal->dx);
  mem_free(&anneal->chain);
}

double anneal_base(const Anneal *anneal) {
  long dim = anneal->opts.energy->dim;
  double log_area = dim % 2 ? elem_log(2) : elem_log(2 * PI), log_volume = 0;
  /* the sphere in d dimensions has 2 pi / (d - 2) times the area of that in d - 2 */
  for (long d = dim; d > 2; d -= 2) log_area += elem_log(2 * PI / (double)(d - 2));
  if (anneal->opts.sphere) return log_area;
  for (long i = 0; i < dim; i++) log_volume += elem_log((double)anneal->opts.scale[i]);
  return log_volume + (double)dim / 2 * elem_log(2 * PI);
}

/* ---- densities between ---- */

static const float *to_x(Anneal *a, const float *y) {
  if (a->opts.sphere) return y;
  for (long i = 0; i < a->opts.energy->dim; i++)
    for (int l = 0; l < L; l++)
      a->x[L * i + l] = a->opts.mean[i] + a->opts.scale[i] * y[L * i + l];
  return a->x;
}

/* v[l] = V(y) */
static void base_energy(const Anneal *a, double v[L], const float *y) {
  for (int l = 0; l < L; l++) v[l] = 0;
  for (long i = 0; !a->opts.sphere && i < a->opts.energy->dim; i++)
    for (int l = 0; l < L; l++) v[l] += 0.5 * (double)y[L * i + l] * (double)y[L * i + l];
}

/* The energy -log f_b, for a sampler of temperature 1. */
static void between(void *self, double e[L], float *dy, const float *y) {
  Anneal *a = self;
  const Energy *energy = a->opts.energy;
  double v[L], b = a->at, t = a->opts.temperature;
  bool sphere = a->opts.sphere;
  energy->eval(energy->self, e, dy ? a->dx : NULL, to_x(a, y));
  base_energy(a, v, y);
  for (int l = 0; l < L; l++) e[l] = (1 - b) * v[l] + b * e[l] / t;
  for (long i = 0; dy && i < energy->dim; i++) {
    double slope = sphere ? b / t : b / t * (double)a->opts.scale[i], pull = sphere ? 0 : 1 - b;
    for (int l = 0; l < L; l++)
      dy[L * i + l] = (float)(pull * (double)y[L * i + l] + slope * (double)a->dx[L * i + l]);
  }
}

/* gap[l] = V - E/T: what a step of b multiplies */
static void gaps(Anneal *a, double gap[L], const float *y) {
  double v[L], e[L];
  a->opts.energy->eval(a->opts.energy->self, e, NULL, to_x(a, y));
  base_energy(a, v, y);
  for (int l = 0; l < L; l++) gap[l] = v[l] - e[l] / a->opts.temperature;
}

/* Transitions of sixteen chains at b; when: a number of its own for each call of a chain. Returns
 * how many proposals were accepted. */
static int64_t move(Anneal *a, float *y, double b, double step, uint64_t chain, int when) {
  Energy energy = {a->opts.energy->dim, between, a};
  ChainOpts opts = {
      .steps = a->opts.transitions, .step = step, .temperature = 1, .sphere = a->opts.sphere};
  uint64_t id[L];
  ChainStats stats;
  a->at = b;
  for (int l = 0; l < L; l++) id[l] = chain + (uint64_t)l;
  sampler_find("mala")->run(y, &energy, &opts, rng_key(a->opts.seed, RNG_ANNEAL_CHAIN),
                            rng_key(a->opts.seed, RNG_ANNEAL_ACCEPT), id, (uint32_t)when,
                            a->chain, &stats);
  return stats.accepted;
}

static void start(const Anneal *a, float *y, uint64_t chain) {
  uint64_t id[L];
  for (int l = 0; l < L; l++) id[l] = chain + (uint64_t)l;
  sampler_start(y, a->opts.energy->dim, a->opts.sphere, rng_key(a->opts.seed, RNG_ANNEAL_START),
                id, 0);
}

/* ---- the pilot ---- */

/* What the pilot found on its rungs. */
typedef struct Pilot {
  double b[PILOT_RUNGS + 1], sd[PILOT_RUNGS + 1], step[PILOT_RUNGS + 1];
  float *y; /* (tiles, dim, L) */
} Pilot;

static double gap_sd(Anneal *a, const Pilot *pilot) {
  enum { N = PILOT_TILES * L };
  double gap[N], mean = 0, square = 0;
  for (int t = 0; t < PILOT_TILES; t++)
    gaps(a, gap + t * L, pilot->y + t * a->opts.energy->dim * L);
  for (int k = 0; k < N; k++) mean += gap[k] / N;
  for (int k = 0; k < N; k++) square += (gap[k] - mean) * (gap[k] - mean) / (N - 1);
  return sqrt(square);
}

static void pilot_rung(Anneal *a, Pilot *pilot, int k) {
  double step = pilot->step[k ? k - 1 : 0];
  for (int block = 0; block < PILOT_BLOCKS; block++) {
    int64_t accepted = 0, all = (int64_t)PILOT_TILES * L * a->opts.transitions;
    for (int t = 0; t < PILOT_TILES; t++)
      accepted += move(a, pilot->y + t * a->opts.energy->dim * L, pilot->b[k], step,
                       PILOT_CHAIN + (uint64_t)t * L, k * PILOT_BLOCKS + block);
    step *= (double)accepted > AIM * (double)all ? FACTOR : 1 / FACTOR;
  }
  pilot->step[k] = step;
  pilot->sd[k] = gap_sd(a, pilot);
}

/* Rungs crowd near the base, where E/T is largest. Source: Friel and Pettitt 2008, J. R. Stat.
 * Soc. B 70, 589, section 3.3: powers of k/K. */
static void pilot_run(Anneal *a, Pilot *pilot) {
  for (int t = 0; t < PILOT_TILES; t++)
    start(a, pilot->y + t * a->opts.energy->dim * L, PILOT_CHAIN + (uint64_t)t * L);
  pilot->step[0] = 0.5 / sqrt((double)a->opts.energy->dim);
  for (int k = 0; k <= PILOT_RUNGS; k++) {
    double u = (double)k / PILOT_RUNGS;
    pilot->b[k] = u * u * u * u;
    pilot_rung(a, pilot, k);
  }
}

/* Length between the pilot's rungs k and k + 1. */
static double length(const Pilot *pilot, int k) {
  return (pilot->b[k + 1] - pilot->b[k]) * (pilot->sd[k] + pilot->sd[k + 1]) / 2;
}

/* Rung r at the share r/K of the whole length. A length of zero, or none, gives even steps. */
static void place_rungs(Anneal *a, const Pilot *pilot) {
  int rungs = a->opts.rungs, k = 0;
  double total = 0, passed = 0;
  for (int i = 0; i < PILOT_RUNGS; i++) total += length(pilot, i);
  bool even = !(total > 0 && total < INFINITY);
  for (int r = 0; r <= rungs; r++) {
    double share = (double)r / rungs, want = share * total;
    while (!even && k + 1 < PILOT_RUNGS && passed + length(pilot, k) < want)
      passed += length(pilot, k++);
    while (even && k + 1 < PILOT_RUNGS && pilot->b[k + 1] < share) k++;
    double here = even ? 0 : length(pilot, k), part = here > 0 ? (want - passed) / here : 0;
    part = part > 1 ? 1 : part;
    a->b[r] = even ? share : pilot->b[k] + part * (pilot->b[k + 1] - pilot->b[k]);
    a->step[r] = pilot->step[part > 0.5 ? k + 1 : k];
  }
  a->b[0] = 0, a->b[rungs] = 1;
}

void anneal_pilot(Anneal *anneal) {
  Pilot pilot = {
      .y = MEM_NEW(float, "pilot chains", (size_t)anneal->opts.energy->dim *L *PILOT_TILES)};
  pilot_run(anneal, &pilot);
  place_rungs(anneal, &pilot);
  mem_free(&pilot.y);
}

/* ---- weights ---- */

/* Numbers of `when` are the rungs: the pilot's chains have other numbers. */
void anneal_weigh(Anneal *anneal, double log_w[L], uint64_t chain) {
  double gap[L];
  for (int l = 0; l < L; l++) log_w[l] = 0;
  start(anneal, anneal->y, chain);
  for (int k = 1; k <= anneal->opts.rungs; k++) {
    double rise = anneal->b[k] - anneal->b[k - 1];
    gaps(anneal, gap, anneal->y);
    for (int l = 0; l < L; l++) log_w[l] += rise * gap[l];
    if (k < anneal->opts.rungs) move(anneal, anneal->y, anneal->b[k], anneal->step[k], chain, k);
  }
}
