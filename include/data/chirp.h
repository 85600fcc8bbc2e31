/* Chirps in coloured noise: something to denoise whose clean signal is known. The signal is like
 * the gravitational wave of two equal masses that spiral in, the noise Gaussian with a spectrum
 * like a detector's. Sample i is a pure function of (seed, i): the same for any number of ranks.
 *
 * Signal, at a time tau before coalescence and with m = G M_c / c^3 for the chirp mass M_c (10 to
 * 40 solar masses), to leading order:
 *   h = (f / f_last)^(2/3) cos(phi),   phi = phi_0 - 2 (tau / (5 m))^(5/8),
 *   f = (5 / (256 tau))^(3/8) m^(-5/8) / pi
 * up to the innermost stable orbit, f_last = 1 / (6^(3/2) pi M), M = 2^(6/5) m; from there on the
 * frequency stays and the amplitude falls as exp(-pi f_last t / 2). Coalescence lies uniformly in
 * the second half of the sample (to 95 %). Source: M. Maggiore, Gravitational Waves, vol. 1
 * (2008), eqs. 4.19, 4.30, 4.31 and 4.40.
 *
 * Noise: periodic over the sample, variance 1, independent Gaussian amplitudes at each frequency
 * k / duration with the power spectrum
 *   S(f) ~ (40 Hz / f)^4 + 1 + (f / 200 Hz)^2, below 20 Hz as at 20 Hz; no constant part.
 * The signal is scaled to a matched-filter signal-to-noise ratio rho, uniform in [snr_low,
 * snr_high]: rho^2 = sum over frequencies of |H|^2 / E|N|^2. */
#ifndef DATA_CHIRP_H
#define DATA_CHIRP_H

#include <stdint.h>

typedef struct ChirpOpts {
  int samples;              /* W of a time series at 1,024 Hz; even */
  double snr_low, snr_high; /* of rho */
} ChirpOpts;
ChirpOpts chirp_defaults(void);

/* What all samples share: tables of the circle and of the spectrum. */
typedef struct Chirp {
  ChirpOpts opts;
  uint64_t seed;
  double *cosine, *sine; /* (W) of 2 pi j / W */
  double *spectrum;      /* (W/2 + 1) share of the variance of each of +k and -k */
} Chirp;
/* Owns: the caller, chirp_free. */
Chirp chirp_new(const ChirpOpts *opts, uint64_t seed);
void chirp_free(Chirp *chirp);
/* Sample i: x (W) noisy, clean (W). Thread-safe. */
void chirp_sample(const Chirp *chirp, float *x, float *clean, uint64_t i);

#endif
