#include "mcmc/importance.h"

#include <math.h>

#include "base/mem.h"
#include "num/elem.h"
#include "num/pareto.h"
#include "num/sorted.h"

const char *const importance_trust_name[] = {"none", "borderline", "good"};
static const double LEAST_EFFECTIVE = 10;
/* Less than this, of the largest weight, is nothing. */
static const double LEAST_WEIGHT = 1e-300;
/* Largest shape whose variance is put in for the tail's. */
static const double MOST_SHAPE = 0.45;

/* Weights that are numbers, ascending: logs until weigh(), then in units of the largest. */
typedef struct Draws {
  double *w; /* (n) */
  long n;
  double count;        /* with those that weigh nothing */
  double mean, square; /* of w and of its square, over count */
} Draws;

/* Twice the mean square above the median: the variance, if both halves were alike. What lies below
 * weighs nothing, however far. */
static double upper_spread(const double *sorted, long n) {
  double median = sorted_quantile(sorted, n, 0.5), square = 0;
  for (long k = n / 2; k < n; k++) square += (sorted[k] - median) * (sorted[k] - median);
  return 2 * square / (double)n;
}

/* Logs to weights. In ascending order small ones are not lost. */
static void weigh(Draws *w) {
  double most = w->w[w->n - 1], sum = 0, square = 0;
  for (long k = 0; k < w->n; k++) {
    w->w[k] = elem_exp(w->w[k] - most);
    sum += w->w[k];
    square += w->w[k] * w->w[k];
  }
  w->mean = sum / w->count;
  w->square = square / w->count;
}

/* Error of the log of the mean from a mean and a mean square, the weights' own or fitted ones. It
 * is relative to their own mean in both cases: that is whose log is given. */
static double error_of(const Draws *w, double mean, double square) {
  double variance = square - mean * mean;
  return sqrt(variance > 0 ? variance / (w->count - 1) : 0) / w->mean;
}

/* ---- the tail ---- */

typedef struct Tail {
  double *over; /* (n) how far weights are above the cut, ascending, positive */
  long n;
  double cut; /* the largest weight of the others */
} Tail;

static long tail_length(long n) {
  double fifth = 0.2 * (double)n, root = 3 * sqrt((double)n);
  return (long)ceil(fifth < root ? fifth : root);
}

/* Those that equal the cut exceed nothing and are left out. Owns: the caller, tail->over. */
static bool tail_cut(Tail *tail, const Draws *w) {
  long length = tail_length(w->n);
  *tail = (Tail){0};
  if (length < PARETO_LEAST) return false;
  tail->cut = w->w[w->n - length - 1];
  tail->over = MEM_NEW(double, "tail of weights", length);
  for (long k = w->n - length; k < w->n; k++)
    if (w->w[k] - tail->cut > LEAST_WEIGHT) tail->over[tail->n++] = w->w[k] - tail->cut;
  return tail->n == 0 || tail->n >= PARETO_LEAST;
}

/* The error with the moments of the fit in place of the tail's. */
static double fitted_error(const Draws *w, const Tail *tail, Pareto fit) {
  double mean = 0, square = 0, n = (double)tail->n;
  if (fit.shape > MOST_SHAPE) fit.shape = MOST_SHAPE;
  double top = tail->cut + pareto_mean(fit);
  for (long k = 0; k < w->n - tail->n; k++) {
    mean += w->w[k];
    square += w->w[k] * w->w[k];
  }
  mean += n * top;
  square += n * (pareto_variance(fit) + top * top);
  return error_of(w, mean / w->count, square / w->count);
}

static void judge_tail(Evidence *e, const Draws *w) {
  Tail tail;
  bool known = tail_cut(&tail, w);
  e->tail = known ? -INFINITY : NAN;
  if (known && tail.n) {
    Pareto fit = pareto_fit(tail.over, tail.n);
    double error = fitted_error(w, &tail, fit);
    e->tail = fit.shape;
    e->error = error > e->error ? error : e->error;
  }
  mem_free(&tail.over);
}

static Trust trust_of(const Evidence *e) {
  if (e->collapsed || !(e->tail <= e->limit)) return TRUST_NONE;
  return e->tail < 0.5 ? TRUST_GOOD : TRUST_BORDERLINE;
}

/* ---- all together ---- */

/* Owns: the caller, the array. */
static Draws finite_weights(const double *log_w, long n) {
  Draws w = {.w = MEM_NEW(double, "weights", n), .count = (double)n};
  for (long k = 0; k < n; k++)
    if (isfinite(log_w[k])) w.w[w.n++] = log_w[k];
  sorted_numbers(w.w, w.n);
  return w;
}

static void judge(Evidence *e, Draws *w, double log_base) {
  double most = w->w[w->n - 1], slowest = 1 - elem_log(10) / elem_log(w->count);
  e->spread = upper_spread(w->w, w->n);
  weigh(w);
  e->log_omega = log_base + most + elem_log(w->mean);
  e->effective = w->count * w->mean * w->mean / w->square;
  e->error = error_of(w, w->mean, w->square);
  e->limit = slowest < 0.7 ? slowest : 0.7;
  e->collapsed = (double)w->n < w->count || e->effective < LEAST_EFFECTIVE;
  judge_tail(e, w);
  e->trust = trust_of(e);
}

Evidence importance_evidence(const double *log_w, long n, double log_base) {
  Evidence e = {.log_omega = NAN,
                .error = NAN,
                .spread = NAN,
                .tail = NAN,
                .limit = NAN,
                .trust = TRUST_NONE,
                .collapsed = true};
  Draws w = finite_weights(log_w, n);
  if (w.n) judge(&e, &w, log_base);
  mem_free(&w.w);
  return e;
}
