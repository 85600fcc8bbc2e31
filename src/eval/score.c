#include "eval/score.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "eval/crew.h"
#include "model/h5.h"
#include "par/sweep.h"

typedef struct Scoring {
  Crew crew;
  const Dataset *data;
  long from; /* row of the first item */
} Scoring;

static void score_tile(void *self, int thread, void *record, long first, int n) {
  Scoring *s = self;
  double *energy = record, e[L];
  float *target = crew_fetch(&s->crew, thread, s->data, s->from + first, n);
  recon_error(s->crew.recon[thread], e, s->crew.x[thread], target);
  for (int l = 0; l < n; l++) energy[l] = s->data->ok[s->from + first + l] ? e[l] : NAN;
}

Scores scores_compute(const Comm *comm, const Model *model, const Dataset *data, long from,
                      long to, int threads) {
  Scoring scoring = {.data = data, .from = from};
  Sweep sweep = {.what = "scoring",
                 .items = to - from,
                 .size = sizeof(double),
                 .threads = threads,
                 .self = &scoring,
                 .tile = score_tile};
  crew_init(&scoring.crew, model, threads);
  Scores scores = {.energy = sweep_gather(comm, &sweep)};
  crew_free(&scoring.crew);
  if (comm_rank(comm)) return scores;
  scores.rows = to - from;
  scores.label = data->has_label ? data->label + from : NULL;
  return scores;
}

void scores_free(Scores *scores) { mem_free(&scores->energy); }

static hid_t put_column(hid_t file, const char *name, hid_t type, long rows, const void *data,
                        const char *meaning) {
  static const char *const label[] = {"row"};
  hid_t column = h5_put_array(file, name, type, 1, &rows, label, data);
  h5_put_text(column, "units", "1");
  h5_put_text(column, "long_name", meaning);
  return column;
}

/* What was scored, in words. */
static void put_input(hid_t file, const Model *model) {
  if (!model->features[0]) return;
  hid_t input = h5_group(file, "input");
  h5_put_text(input, "features", model->features);
  h5_close(input);
}

static void put_outliers(hid_t file, const Outliers *outliers, int n) {
  hid_t group = h5_group(file, "outliers");
  for (int i = 0; i < n; i++) {
    char name[16];
    snprintf(name, sizeof name, "%d", i);
    hid_t column = put_column(group, name, H5T_NATIVE_DOUBLE, outliers[i].scores.rows,
                              outliers[i].scores.energy, "energies of a set of outliers");
    h5_put_text(column, "set", outliers[i].name);
    h5_close(column);
  }
  h5_close(group);
}

Err scores_save(const char *path, const Scores *scores, const Outliers *outliers, int n,
                const Model *model, const Fact *facts) {
  hid_t file = h5_new();
  h5_put_text(file, "format", "jetnae scores");
  h5_put_int(file, "format_version", 1);
  h5_put_text(file, "objective", model->objective);
  h5_put_text(file, "distance", model->energy);
  h5_put_real(file, "temperature", model->temperature);
  h5_close(put_column(file, "energy", H5T_NATIVE_DOUBLE, scores->rows, scores->energy,
                      "reconstruction error; the larger, the more anomalous; NaN: refused row"));
  if (scores->label)
    h5_close(put_column(file, "label", H5T_NATIVE_INT8, scores->rows, scores->label,
                        "class of the input; -1: unknown"));
  if (n) put_outliers(file, outliers, n);
  put_input(file, model);
  h5_put_facts(file, facts);
  return h5_publish(file, path);
}

Metrics scores_against(const Scores *scores, const signed char *is_normal, const float *weight,
                       const Scores *outliers) {
  long n = scores->rows, all = n + outliers->rows;
  double *energy = MEM_NEW(double, "scores to compare", all);
  signed char *is_signal = MEM_NEW(signed char, "scores to compare", all);
  float *weights = MEM_NEW(float, "scores to compare", all);
  for (long i = 0; i < all; i++) {
    bool outlier = i >= n, counts = outlier || !is_normal || is_normal[i] == 1;
    energy[i] = outlier ? outliers->energy[i - n] : scores->energy[i];
    is_signal[i] = (signed char)(counts ? outlier : -1);
    weights[i] = outlier || !weight ? 1 : weight[i];
  }
  Metrics metrics = metrics_compute(energy, is_signal, weights, all);
  mem_free(&energy), mem_free(&is_signal), mem_free(&weights);
  return metrics;
}

static int ascending(const void *a, const void *b) {
  double p = *(const double *)a, q = *(const double *)b;
  return (p > q) - (p < q);
}

void scores_quantiles(double *quantile, const Scores *scores, const double *share, int n) {
  double *sorted = MEM_NEW(double, "energies to sort", scores->rows + 1);
  long found = 0;
  for (long i = 0; i < scores->rows; i++)
    if (!isnan(scores->energy[i])) sorted[found++] = scores->energy[i];
  qsort(sorted, (size_t)found, sizeof *sorted, ascending);
  for (int i = 0; i < n; i++)
    quantile[i] = found ? sorted[(long)(share[i] * (double)(found - 1))] : NAN;
  mem_free(&sorted);
}
