#include "eval/metrics.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

/* One scored sample. */
typedef struct Item {
  double score, weight;
  long index;
  int signal; /* 0 or 1 */
} Item;

/* By score, then by index: a total order, so that sums over it are the same everywhere. */
static int by_score(const void *a, const void *b) {
  const Item *p = a, *q = b;
  if (p->score != q->score) return p->score < q->score ? -1 : 1;
  return (p->index > q->index) - (p->index < q->index);
}

/* One class: how many, sum of weights and of their squares. */
typedef struct Class {
  long n;
  double sum, squares;
} Class;

typedef struct Sorted {
  Item *item; /* (n) ascending */
  long n;
  Class of[2]; /* background, signal */
} Sorted;

static Sorted sorted_new(const double *score, const signed char *is_signal, const float *weight,
                         long n) {
  Sorted s = {.item = MEM_NEW(Item, "scores to sort", n + 1)};
  for (long i = 0; i < n; i++) {
    if (isnan(score[i]) || (is_signal[i] != 0 && is_signal[i] != 1)) continue;
    double w = weight ? weight[i] : 1;
    s.item[s.n++] = (Item){score[i], w, i, is_signal[i]};
    Class *class = &s.of[is_signal[i]];
    class->n++;
    class->sum += w;
    class->squares += w * w;
  }
  qsort(s.item, (size_t)s.n, sizeof *s.item, by_score);
  return s;
}

/* From `from`, the first item that has another score. */
static long end_of_ties(const Sorted *s, long from) {
  long to = from + 1;
  while (to < s->n && s->item[to].score == s->item[from].score) to++;
  return to;
}

static void weigh(double weight[2], const Item *item, long n) {
  weight[0] = weight[1] = 0;
  for (long i = 0; i < n; i++) weight[item[i].signal] += item[i].weight;
}

/* Twice the wins of signal over background, ties once. Without weights these are integers, exact
 * in a double up to 2^53. */
static double wins(const Sorted *s) {
  double total = 0, below = 0;
  for (long from = 0, to; from < s->n; from = to) {
    double tied[2];
    to = end_of_ties(s, from);
    weigh(tied, s->item + from, to - from);
    total += tied[1] * (2 * below + tied[0]);
    below += tied[0];
  }
  return total;
}

/* Sums over each class of weight^2 (placement - AUC)^2, where a sample's placement is the share
 * of the other class that it beats, ties half (midranks). */
static void placement_squares(double sum[2], const Sorted *s, double auc) {
  double below[2] = {0, 0};
  sum[0] = sum[1] = 0;
  for (long from = 0, to; from < s->n; from = to) {
    double tied[2];
    to = end_of_ties(s, from);
    weigh(tied, s->item + from, to - from);
    double signal = (below[0] + tied[0] / 2) / s->of[0].sum - auc;
    double background = 1 - (below[1] + tied[1] / 2) / s->of[1].sum - auc;
    for (long i = from; i < to; i++) {
      double d = s->item[i].weight * (s->item[i].signal ? signal : background);
      sum[s->item[i].signal] += d * d;
    }
    below[0] += tied[0];
    below[1] += tied[1];
  }
}

static double effective(const Class *class) { return class->sum * class->sum / class->squares; }

/* Source: DeLong, DeLong, Clarke-Pearson, Biometrics 44 (1988) 837, eq. 5; with weights n becomes
 * the effective number. */
static double delong(const Sorted *s, double auc) {
  double sum[2], variance = 0;
  placement_squares(sum, s, auc);
  for (int c = 0; c < 2; c++) {
    double n = effective(&s->of[c]), w = s->of[c].sum;
    if (n > 1) variance += sum[c] / (w * w) * (n / (n - 1));
  }
  return sqrt(variance);
}

static Rejection rejection_of(double eps_b, const Class *background) {
  if (!(eps_b > 0)) return (Rejection){.value = effective(background), .bound = true};
  double spread = sqrt(eps_b * fmax(0, 1 - eps_b) / effective(background));
  return (Rejection){.value = 1 / eps_b, .error = spread / (eps_b * eps_b)};
}

/* Walk down from the largest score to the first point of the ROC with eps_S of at least tenths /
 * 10 and interpolate from the point before. */
static Rejection rejection_at(const Sorted *s, int tenths) {
  const double want = s->of[1].sum * tenths;
  double before[2] = {0, 0}, now[2] = {0, 0};
  for (long to = s->n; to > 0 && 10 * now[1] < want;) {
    long from = to - 1;
    while (from > 0 && s->item[from - 1].score == s->item[to - 1].score) from--;
    double tied[2];
    weigh(tied, s->item + from, to - from);
    for (int c = 0; c < 2; c++) before[c] = now[c], now[c] += tied[c];
    to = from;
  }
  double share = (want / 10 - before[1]) / (now[1] - before[1]);
  double background = before[0] + share * (now[0] - before[0]);
  return rejection_of(background / s->of[0].sum, &s->of[0]);
}

static bool has_both(const Sorted *s) { return s->of[0].sum > 0 && s->of[1].sum > 0; }

Metrics metrics_compute(const double *score, const signed char *is_signal, const float *weight,
                        long n) {
  Sorted s = sorted_new(score, is_signal, weight, n);
  Rejection none = {.value = NAN, .error = NAN};
  Metrics m = {.n_signal = s.of[1].n,
               .n_background = s.of[0].n,
               .auc = NAN,
               .auc_error = NAN,
               .at20 = none,
               .at30 = none};
  if (has_both(&s)) {
    m.auc = wins(&s) / (2 * s.of[0].sum * s.of[1].sum);
    m.auc_error = delong(&s, m.auc);
    m.at20 = rejection_at(&s, 2);
    m.at30 = rejection_at(&s, 3);
  }
  mem_free(&s.item);
  return m;
}

static void describe_rejection(char text[64], const Rejection *r) {
  if (r->bound)
    snprintf(text, 64, "> %.4g", r->value);
  else
    snprintf(text, 64, "= %.4g +- %.2g", r->value, r->error);
}

void metrics_describe(char *text, unsigned long size, const Metrics *m) {
  char at20[64], at30[64];
  if (isnan(m->auc)) {
    snprintf(text, size, "no AUC: it needs both classes, found %ld signal and %ld background",
             m->n_signal, m->n_background);
    return;
  }
  describe_rejection(at20, &m->at20);
  describe_rejection(at30, &m->at30);
  snprintf(text, size, "AUC %.4f +- %.4f, 1/eps_B(0.2) %s, 1/eps_B(0.3) %s", m->auc, m->auc_error,
           at20, at30);
}
