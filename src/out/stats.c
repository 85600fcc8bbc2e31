#include "stats.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "num/elem.h"

static bool counts(const Bins *bins, double x) { return isfinite(x) && (!bins->log || x > 0); }

static bool taken(const signed char *take, signed char which, long i) {
  return !take || take[i] == which;
}

void bins_reach(Bins *bins, const double *x, const signed char *take, signed char which, long n) {
  bool any = bins->high > bins->low;
  for (long i = 0; i < n && bins->log; i++)
    bins->log = !(taken(take, which, i) && isfinite(x[i]) && x[i] < 0);
  for (long i = 0; i < n; i++) {
    if (!taken(take, which, i) || !counts(bins, x[i])) continue;
    bins->low = any ? fmin(bins->low, x[i]) : x[i];
    bins->high = any ? fmax(bins->high, x[i]) : x[i];
    any = true;
  }
  if (any && !(bins->high > bins->low)) bins->high = bins->low + fmax(fabs(bins->low), 1e-12);
}

static double scaled(const Bins *bins, double x) {
  if (bins->log) return elem_log(x / bins->low) / elem_log(bins->high / bins->low);
  return (x - bins->low) / (bins->high - bins->low);
}

double bins_middle(const Bins *bins, int i) {
  double at = (i + 0.5) / bins->n;
  if (bins->log) return bins->low * elem_pow(bins->high / bins->low, at);
  return bins->low + at * (bins->high - bins->low);
}

int bins_find(const Bins *bins, double x) {
  if (!counts(bins, x) || x < bins->low || x > bins->high) return -1;
  int i = (int)(bins->n * scaled(bins, x));
  return i < bins->n ? i : bins->n - 1;
}

long histogram(double *share, const Bins *bins, const double *x, const signed char *take,
               signed char which, long n) {
  long all = 0;
  for (int b = 0; b < bins->n; b++) share[b] = 0;
  for (long i = 0; i < n; i++) {
    int b = taken(take, which, i) ? bins_find(bins, x[i]) : -1;
    if (b >= 0) share[b]++, all++;
  }
  for (int b = 0; b < bins->n && all; b++) share[b] /= (double)all;
  return all;
}

/* ---- profiles ---- */

typedef struct Binned {
  int bin;
  double y;
} Binned;

static int by_bin(const void *a, const void *b) {
  const Binned *p = a, *q = b;
  if (p->bin != q->bin) return p->bin - q->bin;
  return (p->y > q->y) - (p->y < q->y);
}

static double binned_quantile(const Binned *sorted, long n, double share) {
  return sorted[(long)(share * (double)(n - 1) + 0.5)].y;
}

void profile(double *middle, double *low, double *high, const Bins *bins, const double *x,
             const double *y, const signed char *take, signed char which, long n, long least) {
  Binned *item = MEM_NEW(Binned, "rows in bins", n + 1);
  long kept = 0;
  for (long i = 0; i < n; i++) {
    int b = taken(take, which, i) && isfinite(y[i]) ? bins_find(bins, x[i]) : -1;
    if (b >= 0) item[kept++] = (Binned){b, y[i]};
  }
  qsort(item, (size_t)kept, sizeof *item, by_bin);
  for (int b = 0; b < bins->n; b++) middle[b] = low[b] = high[b] = NAN;
  for (long from = 0, to; from < kept; from = to) {
    int b = item[from].bin;
    for (to = from; to < kept && item[to].bin == b;) to++;
    if (to - from < least) continue;
    middle[b] = binned_quantile(item + from, to - from, 0.5);
    low[b] = binned_quantile(item + from, to - from, 0.16);
    high[b] = binned_quantile(item + from, to - from, 0.84);
  }
  mem_free(&item);
}

/* ---- efficiencies ---- */

typedef struct Scored {
  double score;
  int signal;
} Scored;

static int descending(const void *a, const void *b) {
  const Scored *p = a, *q = b;
  return (p->score < q->score) - (p->score > q->score);
}

static long collect(Scored *item, double count[2], const double *score,
                    const signed char *is_signal, long n) {
  long kept = 0;
  for (long i = 0; i < n; i++) {
    if (isnan(score[i]) || (is_signal[i] != 0 && is_signal[i] != 1)) continue;
    item[kept++] = (Scored){score[i], is_signal[i]};
    count[is_signal[i]]++;
  }
  qsort(item, (size_t)kept, sizeof *item, descending);
  return kept;
}

/* Whether a plot sees the step from the last point. */
static bool visible(const Roc *roc, double signal, double background) {
  if (roc->n == 0) return background > 0;
  double s = roc->signal[roc->n - 1], b = roc->background[roc->n - 1];
  return signal - s > 1.0 / 400 || background - b > 1.0 / 400 || background > 1.02 * b;
}

static void walk(Roc *roc, const Scored *item, long n) {
  double above[2] = {0, 0};
  for (long i = 0; i < n; i++) {
    above[item[i].signal]++;
    if (i + 1 < n && item[i + 1].score == item[i].score) continue;
    double signal = above[1] / roc->n_signal, background = above[0] / roc->n_background;
    if (!visible(roc, signal, background) && i + 1 < n) continue;
    roc->signal[roc->n] = signal;
    roc->background[roc->n++] = background;
  }
}

Roc roc_new(const double *score, const signed char *is_signal, long n) {
  Scored *item = MEM_NEW(Scored, "scores to sort", n + 1);
  double count[2] = {0, 0};
  long kept = collect(item, count, score, is_signal, n);
  Roc roc = {.n_signal = count[1], .n_background = count[0]};
  if (count[0] > 0 && count[1] > 0) {
    roc.signal = MEM_NEW(double, "efficiencies", kept);
    roc.background = MEM_NEW(double, "efficiencies", kept);
    walk(&roc, item, kept);
  }
  mem_free(&item);
  return roc;
}

void roc_free(Roc *roc) {
  mem_free(&roc->signal);
  mem_free(&roc->background);
  roc->n = 0;
}

double roc_error(const Roc *roc, int i) {
  double b = roc->background[i];
  return sqrt((1 - b) / (b * roc->n_background));
}
