#include "data/chirp.h"

#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "num/elem.h"
#include "num/rng.h"

#define PI       3.14159265358979323846
#define SUN_S    4.925490947e-6 /* G M_sun / c^3 */
#define RATE_HZ  1024.0
#define RINGDOWN 2.0 /* quality factor */

typedef enum Draw { DRAW_MASS, DRAW_TIME, DRAW_PHASE, DRAW_SNR } Draw;
typedef enum Step { STEP_SIGNAL, STEP_NOISE } Step;

ChirpOpts chirp_defaults(void) {
  return (ChirpOpts){.samples = 256, .snr_low = 8, .snr_high = 20};
}

/* S(f), not yet scaled. */
static double power_at(double f_hz) {
  double f = f_hz < 20 ? 20 : f_hz, low = 40 / f, high = f / 200;
  return low * low * low * low + 1 + high * high;
}

/* Frequencies that appear twice, as k and W - k. */
static double times(int k, int w) { return k == w / 2 ? 1 : 2; }

static void fill_spectrum(double *spectrum, int w) {
  double sum = 0;
  for (int k = 1; k <= w / 2; k++) {
    spectrum[k] = power_at(k * RATE_HZ / w);
    sum += times(k, w) * spectrum[k];
  }
  for (int k = 1; k <= w / 2; k++) spectrum[k] /= sum;
}

Chirp chirp_new(const ChirpOpts *opts, uint64_t seed) {
  int w = opts->samples;
  Chirp chirp = {.opts = *opts,
                 .seed = seed,
                 .cosine = MEM_NEW(double, "chirps", w),
                 .sine = MEM_NEW(double, "chirps", w),
                 .spectrum = MEM_NEW(double, "chirps", w / 2 + 1)};
  for (int j = 0; j < w; j++) {
    chirp.cosine[j] = elem_cospi(2.0 * j / w);
    chirp.sine[j] = elem_sinpi(2.0 * j / w);
  }
  fill_spectrum(chirp.spectrum, w);
  return chirp;
}

void chirp_free(Chirp *chirp) {
  mem_free(&chirp->cosine);
  mem_free(&chirp->sine);
  mem_free(&chirp->spectrum);
}

/* Position (k t) mod W in the tables, from that at t - 1. */
static int turn(int at, int k, int w) { return at + k < w ? at + k : at + k - w; }

/* n (W): a sum of waves with independent amplitudes. */
static void make_noise(const Chirp *chirp, double *n, RngKey key, uint64_t i) {
  int w = chirp->opts.samples;
  for (int t = 0; t < w; t++) n[t] = 0;
  for (int k = 1; k <= w / 2; k++) {
    double z[2], size = sqrt(times(k, w) * chirp->spectrum[k]);
    rng_normal2(z, key, i, STEP_NOISE, (uint32_t)k);
    double a = size * z[0], b = k < w / 2 ? size * z[1] : 0;
    for (int t = 0, at = 0; t < w; t++, at = turn(at, k, w))
      n[t] = fma(a, chirp->cosine[at], fma(b, chirp->sine[at], n[t]));
  }
}

/* One inspiral. */
typedef struct Inspiral {
  double m_s;                         /* G M_c / c^3 */
  double coalescence_s, phase;        /* phase in turns */
  double last_hz, last_s, last_phase; /* the innermost orbit: f, tau, turns */
} Inspiral;

/* phi, in turns, a time tau before coalescence. */
static double turns_at(const Inspiral *in, double tau_s) {
  return in->phase - elem_pow(tau_s / (5 * in->m_s), 5.0 / 8) / PI;
}

static double frequency_at(const Inspiral *in, double tau_s) {
  return elem_pow(5 / (256 * tau_s), 3.0 / 8) * elem_pow(in->m_s, -5.0 / 8) / PI;
}

static Inspiral draw_inspiral(const Chirp *chirp, RngKey key, uint64_t i) {
  double duration_s = chirp->opts.samples / RATE_HZ;
  Inspiral in = {.m_s = SUN_S * (10 + 30 * rng_uniform(key, i, STEP_SIGNAL, DRAW_MASS)),
                 .coalescence_s =
                     duration_s * (0.5 + 0.45 * rng_uniform(key, i, STEP_SIGNAL, DRAW_TIME)),
                 .phase = rng_uniform(key, i, STEP_SIGNAL, DRAW_PHASE)};
  double total_s = elem_pow(2, 6.0 / 5) * in.m_s;
  in.last_hz = 1 / (6 * sqrt(6) * PI * total_s);
  in.last_s = 5.0 / 256 * elem_pow(PI * in.last_hz, -8.0 / 3) * elem_pow(in.m_s, -5.0 / 3);
  in.last_phase = turns_at(&in, in.last_s);
  return in;
}

static double strain(const Inspiral *in, double t_s) {
  double tau_s = in->coalescence_s - t_s;
  if (tau_s > in->last_s) {
    double f = frequency_at(in, tau_s);
    return elem_pow(f / in->last_hz, 2.0 / 3) * elem_cospi(2 * turns_at(in, tau_s));
  }
  double turns = in->last_hz * (in->last_s - tau_s);
  return elem_exp(-PI * turns / RINGDOWN) * elem_cospi(2 * (in->last_phase + turns));
}

/* rho of h (W) in this noise. */
static double signal_to_noise(const Chirp *chirp, const double *h) {
  int w = chirp->opts.samples;
  double sum = 0;
  for (int k = 1; k <= w / 2; k++) {
    double re = 0, im = 0;
    for (int t = 0, at = 0; t < w; t++, at = turn(at, k, w)) {
      re = fma(h[t], chirp->cosine[at], re);
      im = fma(h[t], chirp->sine[at], im);
    }
    sum += times(k, w) * (re * re + im * im) / ((double)w * w * chirp->spectrum[k]);
  }
  return sqrt(sum);
}

void chirp_sample(const Chirp *chirp, float *x, float *clean, uint64_t i) {
  const ChirpOpts *opts = &chirp->opts;
  RngKey key = rng_key(chirp->seed, RNG_CHIRP);
  double *n = malloc(2 * (size_t)opts->samples * sizeof *n), *h = n + opts->samples;
  CHECK(n, "no memory for a chirp");
  Inspiral in = draw_inspiral(chirp, key, i);
  for (int t = 0; t < opts->samples; t++) h[t] = strain(&in, t / RATE_HZ);
  double u = rng_uniform(key, i, STEP_SIGNAL, DRAW_SNR);
  double rho = opts->snr_low + (opts->snr_high - opts->snr_low) * u;
  double scale = rho / signal_to_noise(chirp, h);
  make_noise(chirp, n, key, i);
  for (int t = 0; t < opts->samples; t++) {
    clean[t] = (float)(scale * h[t]);
    x[t] = (float)fma(scale, h[t], n[t]);
  }
  free(n);
}
