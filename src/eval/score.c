#include "eval/score.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "eval/crew.h"
#include "model/h5.h"
#include "num/sorted.h"
#include "obj/vae.h"
#include "par/sweep.h"

typedef struct Scoring {
  Crew crew;
  bool vae;
} Scoring;

static Err show(void *self, Range items) { return crew_show(&((Scoring *)self)->crew, items); }

/* What a row leaves. */
typedef struct Score {
  double energy, kl;
} Score;

static void score_tile(void *self, int thread, void *record, long first, int n) {
  Scoring *s = self;
  Score *score = record;
  double e[L], kl[L] = {0};
  long row = s->crew.from + first;
  float *target = crew_fetch(&s->crew, thread, row, n);
  recon_error(s->crew.recon[thread], e, s->crew.x[thread], target);
  if (s->vae) recon_kl(s->crew.recon[thread], kl, s->crew.x[thread]);
  for (int l = 0; l < n; l++) {
    bool ok = s->crew.rows.now.ok[row + l];
    score[l] = (Score){ok ? e[l] : NAN, ok ? kl[l] : NAN};
  }
}

/* Owns: the caller. One of the two numbers of each row. */
static double *column(const Score *score, long rows, bool kl) {
  double *x = MEM_NEW(double, "scores", rows);
  for (long i = 0; i < rows; i++) x[i] = kl ? score[i].kl : score[i].energy;
  return x;
}

Err scores_compute(Scores *scores, const Comm *comm, const Model *model, const RowsAsked *asked) {
  const Dataset *data = asked->data;
  long from = asked->rows.from, rows = asked->rows.to - from;
  void *score;
  Scoring scoring = {.vae = vae_code(model->net)};
  Sweep sweep = {.what = "scoring",
                 .items = rows,
                 .size = sizeof(Score),
                 .threads = asked->threads,
                 .self = &scoring,
                 .tile = score_tile,
                 .before = show};
  *scores = (Scores){0};
  crew_init_rows(&scoring.crew, model, asked);
  Err e = sweep_gather(&score, comm, &sweep);
  crew_free(&scoring.crew);
  if (e || comm_rank(comm)) return e;
  *scores = (Scores){.rows = rows,
                     .energy = column(score, rows, false),
                     .kl = scoring.vae ? column(score, rows, true) : NULL,
                     .label = data->has_label ? data->label + from : NULL,
                     .mass_gev = data->mass_gev + from};
  mem_free(&score);
  return OK;
}

void scores_free(Scores *scores) {
  mem_free(&scores->energy);
  mem_free(&scores->kl);
  mem_free(&scores->spread);
}

/* Running mean and sum of squared deviations. Source: Welford, Technometrics 4 (1962). */
void scores_add(Scores *mean, Scores *member, int k) {
  if (k == 0) {
    *mean = *member;
    mean->spread = MEM_NEW(double, "scores", mean->rows);
    *member = (Scores){0};
    return;
  }
  for (long i = 0; i < mean->rows; i++) {
    double from = member->energy[i] - mean->energy[i];
    mean->energy[i] += from / (k + 1);
    mean->spread[i] += from * (member->energy[i] - mean->energy[i]);
    if (mean->kl) mean->kl[i] += (member->kl[i] - mean->kl[i]) / (k + 1);
  }
  scores_free(member);
}

void scores_finish(Scores *mean, int n) {
  for (long i = 0; i < mean->rows; i++)
    mean->spread[i] = n > 1 ? sqrt(mean->spread[i] / (n - 1)) : NAN;
}

static hid_t put_column(hid_t file, const char *name, hid_t type, long rows, const void *data,
                        const char *units, const char *meaning) {
  static const char *const label[] = {"row"};
  hid_t column = h5_put_array(file, name, type, 1, &rows, label, data);
  h5_put_text(column, "units", units);
  h5_put_text(column, "long_name", meaning);
  return column;
}

/* The parts of a variational autoencoder's loss, dim E + beta KL, as a bound of log p(x): over
 * beta. */
static void put_vae(hid_t file, const Scores *scores, const Model *model) {
  double *elbo = MEM_NEW(double, "scores", scores->rows);
  double dim = (double)shape_size(model->input);
  double weight = scores->beta > 0 ? dim / scores->beta : NAN; /* no likelihood without KL */
  for (long i = 0; i < scores->rows; i++) elbo[i] = -weight * scores->energy[i] - scores->kl[i];
  h5_close(put_column(file, "kl", H5T_NATIVE_DOUBLE, scores->rows, scores->kl, "1",
                      "KL of the code's Gaussian to the prior, in nats"));
  h5_close(
      put_column(file, "elbo", H5T_NATIVE_DOUBLE, scores->rows, elbo, "1",
                 "-(sum over features of the error / vae.beta + kl) at the mean code, less a "
                 "constant; the smaller, the more anomalous"));
  mem_free(&elbo);
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
                              outliers[i].scores.energy, "1", "energies of a set of outliers");
    h5_put_text(column, "set", outliers[i].name);
    h5_close(column);
  }
  h5_close(group);
}

static bool has_mass(const Scores *scores) {
  for (long i = 0; scores->mass_gev && i < scores->rows; i++)
    if (scores->mass_gev[i] > 0) return true;
  return false;
}

Err scores_save(const char *path, const Scores *scores, const Outliers *outliers, int n,
                const Model *model, const Fact *facts) {
  hid_t file = h5_new();
  h5_put_text(file, "format", "jetnae scores");
  h5_put_int(file, "format_version", 1);
  h5_put_text(file, "objective", model->objective);
  h5_put_text(file, "distance", model->energy);
  h5_put_real(file, "temperature", model->temperature);
  h5_close(put_column(file, "energy", H5T_NATIVE_DOUBLE, scores->rows, scores->energy, "1",
                      "reconstruction error; the larger, the more anomalous; NaN: refused row"));
  if (scores->label)
    h5_close(put_column(file, "label", H5T_NATIVE_INT8, scores->rows, scores->label, "1",
                        "class of the input; -1: unknown"));
  if (has_mass(scores))
    h5_close(put_column(file, "mass_gev", H5T_NATIVE_FLOAT, scores->rows, scores->mass_gev, "GeV",
                        "mass of the jet, from all constituents"));
  if (scores->kl) put_vae(file, scores, model);
  if (scores->spread)
    h5_close(put_column(file, "spread", H5T_NATIVE_DOUBLE, scores->rows, scores->spread, "1",
                        "standard deviation of the energy over the ensemble"));
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

void scores_quantiles(double *quantile, const Scores *scores, const double *share, int n) {
  double *sorted = MEM_NEW(double, "energies to sort", scores->rows + 1);
  memcpy(sorted, scores->energy, (size_t)scores->rows * sizeof *sorted);
  long found = sorted_numbers(sorted, scores->rows);
  for (int i = 0; i < n; i++) quantile[i] = sorted_quantile(sorted, found, share[i]);
  mem_free(&sorted);
}
