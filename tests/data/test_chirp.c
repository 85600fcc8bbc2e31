/* Chirps against what their door promises, computed here with libm: the spectrum of the noise, the
 * signal-to-noise ratio, a frequency that rises and an amplitude that dies. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "data/chirp.h"

enum { W = 64, SAMPLES = 4000 };
#define RATE 1024.0

static double density(double f) {
  if (f < 20) f = 20;
  return pow(40 / f, 4) + 1 + pow(f / 200, 2);
}

/* E|N_k|^2 of a time series of variance 1: W^2 times the share of +k alone. */
static double noise_power(int k, int w) {
  double sum = 0;
  for (int j = 1; j < w; j++) sum += density((j < w - j ? j : w - j) * RATE / w);
  return (double)w * w * density(k * RATE / w) / sum;
}

static double power(const double *x, int k, int w) {
  double re = 0, im = 0;
  for (int t = 0; t < w; t++) {
    re += x[t] * cos(2 * M_PI * k * t / w);
    im += x[t] * sin(2 * M_PI * k * t / w);
  }
  return re * re + im * im;
}

/* The mean of SAMPLES periodograms is within five standard errors of the spectrum at every
 * frequency; a constant part is not there. */
static void noise_has_its_spectrum(void **state) {
  ChirpOpts opts = {.samples = W, .snr_low = 8, .snr_high = 20};
  Chirp chirp = chirp_new(&opts, 5);
  static double sum[W / 2 + 1];
  float x[W], clean[W];
  double noise[W];
  for (int i = 0; i < SAMPLES; i++) {
    chirp_sample(&chirp, x, clean, (uint64_t)i);
    for (int t = 0; t < W; t++) noise[t] = (double)x[t] - (double)clean[t];
    for (int k = 0; k <= W / 2; k++) sum[k] += power(noise, k, W) / SAMPLES;
  }
  assert_true(sum[0] < 1e-9);
  for (int k = 1; k <= W / 2; k++) {
    double want = noise_power(k, W), spread = k == W / 2 ? sqrt(2.0) : 1;
    if (fabs(sum[k] / want - 1) > 5 * spread / sqrt(SAMPLES))
      fail_msg("power %d: found %g, want %g", k, sum[k], want);
  }
  chirp_free(&chirp);
}

static void signals_are_as_loud_as_asked(void **state) {
  ChirpOpts opts = {.samples = W, .snr_low = 8, .snr_high = 20};
  Chirp chirp = chirp_new(&opts, 6);
  float x[W], clean[W];
  double h[W], least = 100, most = 0;
  for (int i = 0; i < 300; i++) {
    double rho = 0;
    chirp_sample(&chirp, x, clean, (uint64_t)i);
    for (int t = 0; t < W; t++) h[t] = (double)clean[t];
    for (int k = 1; k < W; k++) rho += power(h, k, W) / noise_power(k < W - k ? k : W - k, W);
    rho = sqrt(rho);
    least = rho < least ? rho : least, most = rho > most ? rho : most;
  }
  assert_true(least > 8 - 1e-4 && least < 8.5 && most < 20 + 1e-4 && most > 19.5);
  chirp_free(&chirp);
}

/* Half periods, from one change of sign to the next, only get shorter until the largest swing
 * (by more than the sampling), and what follows dies away. */
static void frequency_rises_and_amplitude_dies(void **state) {
  enum { LONG = 1024 };
  ChirpOpts opts = {.samples = LONG, .snr_low = 10, .snr_high = 10};
  Chirp chirp = chirp_new(&opts, 7);
  float x[LONG], h[LONG];
  for (int i = 0; i < 40; i++) {
    int peak = 0, last = 0;
    double before = INFINITY, first = 0, half = 0;
    chirp_sample(&chirp, x, h, (uint64_t)i);
    for (int t = 1; t < LONG; t++)
      if (fabsf(h[t]) > fabsf(h[peak])) peak = t;
    assert_in_range(peak, LONG / 4, LONG * 96 / 100);
    for (int t = 1; t < peak; t++) {
      if ((h[t] > 0) == (h[t - 1] > 0)) continue;
      if (last) {
        half = t - last;
        assert_true(half <= before + 1);
        before = half;
        first = first > 0 ? first : half;
      }
      last = t;
    }
    assert_true(half < 0.7 * first);
    assert_true(fabsf(h[LONG - 1]) < fabsf(h[peak]));
  }
  chirp_free(&chirp);
}

static void a_sample_depends_on_its_number_alone(void **state) {
  ChirpOpts opts = {.samples = W, .snr_low = 8, .snr_high = 20};
  Chirp one = chirp_new(&opts, 8), same = chirp_new(&opts, 8), other = chirp_new(&opts, 9);
  float x[3][W], h[3][W];
  chirp_sample(&one, x[0], h[0], 1);
  chirp_sample(&one, x[0], h[0], 77);
  chirp_sample(&same, x[1], h[1], 77);
  chirp_sample(&other, x[2], h[2], 77);
  assert_memory_equal(x[0], x[1], sizeof x[0]);
  assert_memory_equal(h[0], h[1], sizeof h[0]);
  assert_memory_not_equal(x[0], x[2], sizeof x[0]);
  chirp_free(&one), chirp_free(&same), chirp_free(&other);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(noise_has_its_spectrum),
      cmocka_unit_test(signals_are_as_loud_as_asked),
      cmocka_unit_test(frequency_rises_and_amplitude_dies),
      cmocka_unit_test(a_sample_depends_on_its_number_alone),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
