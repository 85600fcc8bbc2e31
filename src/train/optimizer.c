#include "train/optimizer.h"

#include <math.h>
#include <omp.h>

#include "num/rows.h"

enum { CHUNK = 1 << 14 }; /* parameters that a thread takes at a time */

double sum_squares(const float *x, size_t n) {
  double part[8] = {0};
  size_t whole = n / 8 * 8;
  for (size_t i = 0; i < whole; i += 8)
    for (int k = 0; k < 8; k++) part[k] += (double)x[i + (size_t)k] * (double)x[i + (size_t)k];
  for (size_t i = whole; i < n; i++) part[i - whole] += (double)x[i] * (double)x[i];
  return ((part[0] + part[1]) + (part[2] + part[3])) +
         ((part[4] + part[5]) + (part[6] + part[7]));
}

size_t encoder_params(const Net *net) {
  return net->n_encoder < net->n_nodes ? net->node[net->n_encoder].w_offset : net->n_params;
}

/* g += d/dw of factor |w|^2; returns the term itself. */
static double regularise(float *g, const float *w, size_t n, double factor) {
  if (factor <= 0) return 0;
  for (size_t i = 0; i < n; i++) g[i] = (float)((double)g[i] + 2 * factor * (double)w[i]);
  return factor * sum_squares(w, n);
}

static void clip_norm(float *g, size_t n, double norm, double clip) {
  if (clip <= 0 || norm <= clip) return;
  double factor = clip / norm;
  for (size_t i = 0; i < n; i++) g[i] = (float)((double)g[i] * factor);
}

/* Adam on all parameters, threads taking chunks; returns the second moments below epsilon. */
static long adam(Learned *now, size_t n, const TrainOpts *opts, const float *g, double rate,
                 int threads) {
  long below = 0, chunks = ((long)n + CHUNK - 1) / CHUNK;
  double decay = opts->optimizer == OPT_ADAMW ? opts->decay : 0;
  double c1 = 1 - now->beta1_power, c2 = 1 - now->beta2_power;
#pragma omp parallel num_threads(threads) reduction(+ : below)
  {
    isa_fp_control();
#pragma omp for schedule(static)
    for (long i = 0; i < chunks; i++) {
      long from = i * CHUNK, left = (long)n - from;
      below += rows()->adam(now->w + from, now->m + from, now->v + from, g + from,
                            left < CHUNK ? left : CHUNK, rate, opts->beta1, opts->beta2, c1, c2,
                            opts->epsilon, decay);
    }
  }
  return below;
}

void optimizer_update(Learned *now, const Net *net, const TrainOpts *opts, float *gradient,
                      Update *update) {
  size_t n = net->n_params, encoder = encoder_params(net);
  if (net->n_spectral > 0) net_spectral_gradient(net, gradient, now->w, now->s);
  update->penalty = regularise(gradient, now->w, encoder, opts->l2_encoder);
  update->penalty +=
      regularise(gradient + encoder, now->w + encoder, n - encoder, opts->l2_decoder);
  update->norm = sqrt(sum_squares(gradient, n));
  clip_norm(gradient, n, update->norm, update->clip);
  now->beta1_power *= opts->beta1;
  now->beta2_power *= opts->beta2;
  update->below = adam(now, n, opts, gradient, update->rate, update->threads);
}
