/* Whether the score is the jet's mass in disguise: of normal jets, where there are labels. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "num/sorted.h"
#include "report_parts.h"
#include "report_scores.h"
#include "stats.h"

enum { BINS = 40, LEAST = 20 };

/* Rows that count, with energy and mass: the normal ones, or all without labels. */
typedef struct Massive {
  long n;
  double *mass_gev, *energy; /* (n) */
} Massive;

static Massive massive_new(const ScoredRun *scored, const Data *mass) {
  long rows = scored->energy.rows;
  Massive m = {0, MEM_NEW(double, "masses", rows), MEM_NEW(double, "masses", rows)};
  for (long i = 0; i < rows; i++) {
    bool normal = !scored->is_signal || scored->is_signal[i] == 0;
    if (!normal || !isfinite(scored->energy.value[i]) || !(mass->value[i] > 0)) continue;
    m.mass_gev[m.n] = mass->value[i];
    m.energy[m.n++] = scored->energy.value[i];
  }
  return m;
}

/* The bulk: a few heavy jets would squeeze it. */
static Bins mass_bins(const Massive *m) {
  double *sorted = MEM_NEW(double, "masses", m->n + 1);
  memcpy(sorted, m->mass_gev, (size_t)m->n * sizeof *sorted);
  sorted_numbers(sorted, m->n);
  Bins bins = {.n = BINS,
               .low = sorted_quantile(sorted, m->n, 0.002),
               .high = sorted_quantile(sorted, m->n, 0.998)};
  mem_free(&sorted);
  return bins;
}

static void middles(double *x, const Bins *bins) {
  for (int b = 0; b < bins->n; b++) x[b] = bins_middle(bins, b);
}

static void show_profile(Page *page, const Massive *m, const Bins *bins, const char *label) {
  double x[BINS], middle[BINS], low[BINS], high[BINS];
  Plot plot = {.name = "mass-score",
               .title = "Energy of normal jets against their mass",
               .x_label = "jet mass [GeV]",
               .y_label = label,
               .x_name = "mass_gev",
               .y_name = "energy",
               .caption = "Median and what 68 % of the jets have. Flat: the score does not know "
                          "the mass.",
               .log_y = true};
  middles(x, bins);
  profile(middle, low, high, bins, m->mass_gev, m->energy, NULL, 0, m->n, LEAST);
  Curve band = {.style = CURVE_BAND, .n = BINS, .x = x, .y = middle, .low = low, .high = high};
  Curve line = {.name = "median", .n = BINS, .x = x, .y = middle};
  if (plot_add(&plot, band)) plot_add(&plot, line);
  page_plot(page, &plot);
}

/* 1 above the threshold that leaves the share. */
static void mark_above(signed char *above, const Massive *m, double share) {
  double *sorted = MEM_NEW(double, "energies", m->n);
  memcpy(sorted, m->energy, (size_t)m->n * sizeof *sorted);
  sorted_numbers(sorted, m->n);
  double threshold = sorted_quantile(sorted, m->n, 1 - share);
  for (long i = 0; i < m->n; i++) above[i] = m->energy[i] >= threshold;
  mem_free(&sorted);
}

static void show_sculpting(Page *page, const Massive *m, const Bins *bins) {
  static const double share[] = {1, 0.5, 0.1, 0.01};
  static const char *const name[] = {"all", "highest 50 %", "highest 10 %", "highest 1 %"};
  double x[BINS], part[4][BINS];
  signed char *above = MEM_NEW(signed char, "above", m->n);
  Plot plot = {.name = "mass-sculpting",
               .title = "Mass of normal jets above a cut on the energy",
               .x_label = "jet mass [GeV]",
               .y_label = "share of jets per bin",
               .x_name = "mass_gev",
               .y_name = "share",
               .caption = "Each sums to 1. A cut that makes a peak looks like a signal.",
               .more = "set yrange [0:*]"};
  middles(x, bins);
  for (int s = 0; s < 4; s++) {
    if (share[s] * (double)m->n < 100) continue;
    mark_above(above, m, share[s]);
    histogram(part[s], bins, m->mass_gev, above, 1, m->n);
    Curve curve = {.style = CURVE_STEPS,
                   .colour = report_colour(s),
                   .dash = s,
                   .n = BINS,
                   .x = x,
                   .y = part[s]};
    strcpy(curve.name, name[s]);
    plot_add(&plot, curve);
  }
  page_plot(page, &plot);
  mem_free(&above);
}

bool report_mass(Page *page, const ReportRun *run) {
  char path[REPORT_PATH];
  ScoredRun scored;
  Data mass = {0};
  report_path(path, run, "scores.h5");
  bool good = scored_read(&scored, run) && data_read(&mass, path, "mass_gev") &&
              mass.rows == scored.energy.rows;
  Massive m = good ? massive_new(&scored, &mass) : (Massive){0};
  Bins bins = m.n ? mass_bins(&m) : (Bins){0};
  good = bins.high > bins.low;
  if (good) {
    show_profile(page, &m, &bins, report_energy_label(run, 1));
    show_sculpting(page, &m, &bins);
  }
  mem_free(&m.mass_gev), mem_free(&m.energy);
  data_free(&mass);
  scored_free(&scored);
  return good;
}
