#include "train/transport.h"

#include <float.h>
#include <math.h>
#include <omp.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "num/rows.h"

static long own_rows(const Transport *t) { return (t->own.to - t->own.from) * L; }

Transport *transport_new(const Comm *comm, long n, long dim, Range own, int threads) {
  Transport *t = MEM_NEW(Transport, "transport", 1);
  *t = (Transport){.comm = comm, .n = n, .dim = dim, .own = own, .threads = threads};
  t->to = MEM_NEW(float, "transport", n *dim);
  t->spread = MEM_NEW(float, "transport", threads *dim *L);
  t->square = MEM_NEW(double, "transport", own_rows(t) * n);
  t->farthest = MEM_NEW(double, "transport", own_rows(t));
  t->cost = MEM_NEW(int32_t, "transport", n * n);
  t->plan = assignment_new(n);
  return t;
}

void transport_free(Transport **transport) {
  Transport *t = *transport;
  if (!t) return;
  mem_free(&t->to);
  mem_free(&t->spread);
  mem_free(&t->square);
  mem_free(&t->farthest);
  mem_free(&t->cost);
  assignment_free(&t->plan);
  mem_free(transport);
}

/* Whole words of 64 bits, n being a multiple of 16. */
static size_t to_bytes(const Transport *t) { return (size_t)(t->n * t->dim) * sizeof *t->to; }

void transport_clear(Transport *t) { memset(t->to, 0, to_bytes(t)); }

void transport_share(Transport *t) { comm_join(t->comm, t->to, to_bytes(t)); }

/* Squared distances of row i of this rank's chains to all data, and the largest of them: infinite
 * when one is not finite. */
static void measure_row(const Transport *t, const float *x, long i) {
  float *one = t->spread + omp_get_thread_num() * t->dim * L;
  const float *end = x + i / L * t->dim * L + i % L;
  double *square = t->square + i * t->n, most = 0;
  for (long k = 0; k < t->dim; k++)
    for (int l = 0; l < L; l++) one[k * L + l] = end[k * L];
  for (long tile = 0; tile < t->n / L; tile++)
    rows()->squares(square + tile * L, NULL, t->to + tile * t->dim * L, one, 0, t->dim);
  for (long j = 0; j < t->n; j++)
    most = !(square[j] <= DBL_MAX) ? INFINITY : square[j] > most ? square[j] : most;
  t->farthest[i] = most;
}

/* Collective. The largest distance of all. */
static double measure(const Transport *t, const float *x) {
  double most = 0;
#pragma omp parallel for num_threads(t->threads) schedule(static)
  for (long i = 0; i < own_rows(t); i++) measure_row(t, x, i);
  for (long i = 0; i < own_rows(t); i++)
    if (t->farthest[i] > most) most = t->farthest[i];
  comm_max_f64(t->comm, &most, 1);
  return most;
}

/* Collective. The costs of all rows from the distances of this rank's. */
static void make_costs(Transport *t, double unit) {
  size_t bytes = (size_t)(t->n * t->n) * sizeof *t->cost;
  int32_t *mine = t->cost + t->own.from * L * t->n;
  if (own_rows(t) < t->n) memset(t->cost, 0, bytes);
#pragma omp parallel for num_threads(t->threads) schedule(static)
  for (long k = 0; k < own_rows(t) * t->n; k++) mine[k] = (int32_t)(t->square[k] * unit + 0.5);
  comm_join(t->comm, t->cost, bytes);
}

bool transport_solve(Transport *t, const float *x) {
  double most = measure(t, x);
  int exponent;
  if (!(most <= DBL_MAX)) return false;
  frexp(most, &exponent);
  double unit = ldexp(1, ASSIGNMENT_BITS - exponent);
  make_costs(t, unit);
  double start = clock_now();
  int64_t sum = assignment_solve(&t->plan, t->cost, t->n);
  t->seconds = clock_now() - start;
  t->distance = (double)sum / unit / (double)t->n;
  return true;
}

void transport_pull(const Transport *t, float *pull, const float *x) {
  double factor = 2 / (double)t->n;
  for (long i = 0; i < own_rows(t); i++) {
    long at = i / L * t->dim * L + i % L, to = t->plan.col_of[t->own.from * L + i];
    const float *datum = t->to + to / L * t->dim * L + to % L;
    for (long k = 0; k < t->dim * L; k += L)
      pull[at + k] = (float)(factor * ((double)x[at + k] - (double)datum[k]));
  }
}
