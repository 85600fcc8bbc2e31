/* What the scores say: energies by class, ROC and its relatives, the spread of an ensemble. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "eval/metrics.h"
#include "eval/score.h"
#include "model/h5.h"
#include "report_parts.h"
#include "report_scores.h"
#include "stats.h"

enum { BINS = 60, SETS = 6 };

/* ---- reading ---- */

static void mark_signal(ScoredRun *scored, const Data *label) {
  scored->is_signal = MEM_NEW(signed char, "signal or background", scored->energy.rows);
  for (long i = 0; i < scored->energy.rows; i++) {
    int l = (int)label->value[i];
    bool known = l >= 0 && l < REPORT_CLASSES;
    scored->is_signal[i] = (signed char)(known ? !scored->run->is_normal[l] : -1);
  }
}

bool scored_read(ScoredRun *scored, const ReportRun *run) {
  char path[REPORT_PATH];
  Data label;
  *scored = (ScoredRun){.run = run};
  report_path(path, run, "scores.h5");
  if (!report_has(run, "scores.h5")) return false;
  if (!data_read(&scored->energy, path, "energy") || scored->energy.rank != 1) {
    if (!*err_message()) err_user("%s: holds no /energy", path);
    data_free(&scored->energy);
    return false;
  }
  if (data_read(&label, path, "label") && label.rows == scored->energy.rows)
    mark_signal(scored, &label);
  data_free(&label);
  return true;
}

void scored_free(ScoredRun *scored) {
  data_free(&scored->energy);
  mem_free(&scored->is_signal);
}

/* ---- histograms ---- */

void scores_histogram(Plot *plot, const Bins *bins, const double *x, long n,
                      const signed char *take, signed char which, Curve curve) {
  double *middle = MEM_NEW(double, "histogram", bins->n);
  double *share = MEM_NEW(double, "histogram", bins->n);
  long rows = histogram(share, bins, x, take, which, n);
  for (int b = 0; b < bins->n; b++) middle[b] = bins_middle(bins, b);
  curve.style = CURVE_STEPS;
  curve.n = bins->n, curve.x = middle, curve.y = share;
  if (rows == 0 || !plot_add(plot, curve)) mem_free(&middle), mem_free(&share);
}

void scores_free_curves(Plot *plot) {
  for (int i = 0; i < plot->n; i++) mem_free(&plot->curve[i].x), mem_free(&plot->curve[i].y);
}

/* Normal rows and anomalies, or all where there are no labels. */
static void add_classes(Plot *plot, const Bins *bins, const ScoredRun *scored, int i, int n) {
  static const char *const name[] = {"normal", "anomalous"};
  const Data *energy = &scored->energy;
  for (int which = 0; which < (scored->is_signal ? 2 : 1); which++) {
    Curve curve = {.colour = report_colour(n > 1 ? i : which), .dash = n > 1 ? which : 0};
    report_legend(curve.name, scored->run, n, scored->is_signal ? name[which] : "all rows");
    scores_histogram(plot, bins, energy->value, energy->rows, scored->is_signal,
                     (signed char)which, curve);
  }
}

static bool read_set(Data *energy, char name[96], const ScoredRun *scored, int set) {
  char path[REPORT_PATH], what[32], text[256] = "";
  hid_t file;
  report_path(path, scored->run, "scores.h5");
  snprintf(what, sizeof what, "outliers/%d", set);
  if (!data_read(energy, path, what)) return false;
  if (!h5_open(&file, path, "scores")) {
    hid_t data = h5_find(file, what);
    h5_get_text(data, "set", text, sizeof text);
    h5_close(data);
    h5_close(file);
  }
  const char *slash = strrchr(text, '/');
  snprintf(name, 96, "outliers: %.70s", slash ? slash + 1 : text);
  return true;
}

static void add_sets(Plot *plot, Bins *bins, const ScoredRun *scored) {
  for (int set = 0; set < SETS; set++) {
    Data energy;
    Curve curve = {.colour = report_colour(2 + set)};
    if (!read_set(&energy, curve.name, scored, set)) return;
    scores_histogram(plot, bins, energy.value, energy.rows, NULL, 0, curve);
    data_free(&energy);
  }
}

static void reach_sets(Bins *bins, const ScoredRun *scored) {
  char name[96];
  Data energy;
  for (int set = 0; set < SETS && read_set(&energy, name, scored, set); set++) {
    bins_reach(bins, energy.value, NULL, 0, energy.rows);
    data_free(&energy);
  }
}

static void show_energies(Page *page, const ScoredRun *scored, int n) {
  Bins bins = {.n = BINS, .log = true};
  for (int i = 0; i < n; i++)
    bins_reach(&bins, scored[i].energy.value, NULL, 0, scored[i].energy.rows);
  if (n == 1) reach_sets(&bins, scored);
  Plot plot = {.name = "scores-energy",
               .title = "Energies by class",
               .x_label = report_energy_label(scored->run, 1),
               .y_label = "share of rows per bin",
               .x_name = "energy",
               .y_name = "share",
               .caption = "Each class sums to 1. The further apart, the better anomalies are "
                          "found.",
               .log_x = bins.log,
               .more = "set yrange [0:*]"};
  if (!(bins.high > bins.low)) return;
  for (int i = 0; i < n; i++) add_classes(&plot, &bins, &scored[i], i, n);
  if (n == 1) add_sets(&plot, &bins, scored);
  page_plot(page, &plot);
  scores_free_curves(&plot);
}

/* ---- efficiencies ---- */

/* Curves of one plot, and what they are made of. */
typedef struct Derived {
  double *x, *y, *low, *high; /* (n) */
  int n;
} Derived;

static Derived derived_new(int n) {
  return (Derived){MEM_NEW(double, "curve", n + 1), MEM_NEW(double, "curve", n + 1),
                   MEM_NEW(double, "curve", n + 1), MEM_NEW(double, "curve", n + 1), 0};
}

static void derived_free(Derived *d) {
  mem_free(&d->x), mem_free(&d->y), mem_free(&d->low), mem_free(&d->high);
}

static void derive_roc(Derived *d, const Roc *roc, int i) {
  d->x[d->n] = roc->background[i];
  d->y[d->n++] = roc->signal[i];
}

/* A rejection with its error, where there is one to speak of. */
static void derive_rejection(Derived *d, const Roc *roc, int i) {
  double value = 1 / roc->background[i], error = roc_error(roc, i);
  if (error > 0.5) return;
  d->x[d->n] = roc->signal[i];
  d->low[d->n] = value / (1 + error);
  d->high[d->n] = value * (1 + error);
  d->y[d->n++] = value;
}

static void derive_sic(Derived *d, const Roc *roc, int i) {
  double value = roc->signal[i] / sqrt(roc->background[i]), background = roc_error(roc, i) / 2;
  double signal = sqrt((1 - roc->signal[i]) / (roc->signal[i] * roc->n_signal));
  double error = sqrt(signal * signal + background * background);
  if (background * 2 >= 0.2) return;
  d->x[d->n] = roc->signal[i];
  d->low[d->n] = value * (1 - error);
  d->high[d->n] = value * (1 + error);
  d->y[d->n++] = value;
}

/* What a score that knows nothing gives. */
enum { GUESSES = 51 };
static double guess_roc(double x) { return x; }
static double guess_rejection(double x) { return x > 0 ? 1 / x : NAN; }
static double guess_sic(double x) { return sqrt(x); }

typedef struct RocPlot {
  Plot plot;
  void (*derive)(Derived *d, const Roc *roc, int i);
  double (*guess)(double x);
  bool band;
} RocPlot;

static const RocPlot roc_plots[] = {
    {{.name = "scores-roc",
      .title = "ROC",
      .x_label = "background efficiency ε_B",
      .y_label = "signal efficiency ε_S",
      .x_name = "eps_b",
      .y_name = "eps_s",
      .caption = "The area below is the AUC.",
      .key_inside = true,
      .more = "set xrange [0:1]\nset yrange [0:1]\nset key right bottom"},
     derive_roc,
     guess_roc,
     false},
    {{.name = "scores-rejection",
      .title = "Background rejection",
      .x_label = "signal efficiency ε_S",
      .y_label = "background rejection 1/ε_B",
      .x_name = "eps_s",
      .y_name = "rejection",
      .caption = "With its binomial error; left out where less than four background rows are "
                 "left.",
      .log_y = true,
      .more = "set xrange [0:1]"},
     derive_rejection,
     guess_rejection,
     true},
    {{.name = "scores-sic",
      .title = "Significance improvement",
      .x_label = "signal efficiency ε_S",
      .y_label = "SIC = ε_S / √ε_B",
      .x_name = "eps_s",
      .y_name = "sic",
      .caption = "Where the background efficiency is known to better than 20 %. Above 1 a cut "
                 "gains significance.",
      .more = "set xrange [0:1]\nset yrange [0:*]"},
     derive_sic,
     guess_sic,
     true},
};

static void add_derived(Plot *plot, Derived *d, const RocPlot *what, const Curve *like) {
  Curve line = *like, band = *like;
  line.style = CURVE_LINE;
  band.style = CURVE_BAND;
  *band.name = 0;
  line.n = band.n = d->n;
  line.x = band.x = d->x;
  line.y = band.y = d->y;
  band.low = d->low, band.high = d->high;
  if (what->band) plot_add(plot, band);
  plot_add(plot, line);
}

static void show_roc(Page *page, const RocPlot *what, const Roc *roc, const ScoredRun *scored,
                     int n) {
  Derived d[REPORT_RUNS];
  double x[GUESSES], y[GUESSES];
  Plot plot = what->plot;
  for (int i = 0; i < n; i++) {
    Curve like = {.colour = report_colour(i), .dash = i};
    d[i] = derived_new(roc[i].n);
    for (int k = 0; k < roc[i].n; k++) what->derive(&d[i], &roc[i], k);
    report_legend(like.name, scored[i].run, n, n == 1 ? scored[i].run->name : "");
    add_derived(&plot, &d[i], what, &like);
  }
  for (int k = 0; k < GUESSES; k++) x[k] = (double)k / (GUESSES - 1), y[k] = what->guess(x[k]);
  if (plot.n)
    plot_add(
        &plot,
        (Curve){.name = "guessing", .colour = GREY, .dash = 2, .n = GUESSES, .x = x, .y = y});
  page_plot(page, &plot);
  for (int i = 0; i < n; i++) derived_free(&d[i]);
}

static void show_efficiencies(Page *page, const ScoredRun *scored, int n) {
  Roc roc[REPORT_RUNS] = {0};
  for (int i = 0; i < n; i++)
    if (scored[i].is_signal)
      roc[i] = roc_new(scored[i].energy.value, scored[i].is_signal, scored[i].energy.rows);
  for (size_t p = 0; p < sizeof roc_plots / sizeof *roc_plots; p++)
    show_roc(page, &roc_plots[p], roc, scored, n);
  for (int i = 0; i < n; i++) roc_free(&roc[i]);
}

/* ---- table ---- */

static void put_rejection(Page *page, const Rejection *r) {
  if (r->bound)
    page_html(page, "<td class=\"n\">&gt; %.4g</td>", r->value);
  else
    page_html(page, "<td class=\"n\">%.4g &plusmn; %.2g</td>", r->value, r->error);
}

static void put_metrics(Page *page, const char *run, const char *against, const Metrics *m) {
  page_html(page, "<tr><td>");
  page_text(page, run);
  page_html(page, "</td><td>");
  page_text(page, against);
  page_html(page, "</td><td class=\"n\">%ld</td><td class=\"n\">%ld</td>", m->n_background,
            m->n_signal);
  page_html(page, "<td class=\"n\">%.4f &plusmn; %.4f</td>", m->auc, m->auc_error);
  put_rejection(page, &m->at20);
  put_rejection(page, &m->at30);
  page_html(page, "</tr>\n");
}

/* Normal rows against each set of outliers. */
static void put_sets(Page *page, const ScoredRun *scored) {
  long rows = scored->energy.rows;
  Scores normal = {.rows = rows, .energy = scored->energy.value};
  signed char *is_normal = MEM_NEW(signed char, "normal rows", rows);
  for (long i = 0; i < rows; i++) is_normal[i] = !scored->is_signal || scored->is_signal[i] == 0;
  for (int set = 0; set < SETS; set++) {
    char name[96];
    Data energy;
    if (!read_set(&energy, name, scored, set)) break;
    Scores outliers = {.rows = energy.rows, .energy = energy.value};
    Metrics m = scores_against(&normal, is_normal, NULL, &outliers);
    put_metrics(page, scored->run->name, name, &m);
    data_free(&energy);
  }
  mem_free(&is_normal);
}

static void show_table(Page *page, const ScoredRun *scored, int n) {
  page_html(page, "<table>\n<tr><th>run</th><th>signal</th><th>normal rows</th><th>signal "
                  "rows</th><th>AUC</th><th>1/&epsilon;<sub>B</sub> at &epsilon;<sub>S</sub> = "
                  "0.2</th><th>1/&epsilon;<sub>B</sub> at 0.3</th></tr>\n");
  for (int i = 0; i < n; i++) {
    if (scored[i].is_signal) {
      Metrics m = metrics_compute(scored[i].energy.value, scored[i].is_signal, NULL,
                                  scored[i].energy.rows);
      put_metrics(page, scored[i].run->name, "anomalous rows", &m);
    }
    put_sets(page, &scored[i]);
  }
  page_html(page, "</table>\n");
}

/* ---- ensembles ---- */

static void show_spread(Page *page, const ScoredRun *scored) {
  char path[REPORT_PATH];
  Data spread;
  Bins bins = {.n = 30, .log = true};
  double x[30], middle[30], low[30], high[30];
  report_path(path, scored->run, "scores.h5");
  if (!data_read(&spread, path, "spread")) return;
  Plot plot = {.name = "scores-spread",
               .title = "Spread over the ensemble",
               .x_label = "mean energy",
               .y_label = "standard deviation over members",
               .x_name = "energy",
               .y_name = "spread",
               .caption = "Median in bins of the energy, and what 68 % of the rows have.",
               .log_x = true,
               .log_y = true};
  bins_reach(&bins, scored->energy.value, NULL, 0, scored->energy.rows);
  if (spread.rows == scored->energy.rows && bins.high > bins.low)
    profile(middle, low, high, &bins, scored->energy.value, spread.value, NULL, 0, spread.rows,
            5);
  for (int b = 0; b < bins.n; b++) x[b] = bins_middle(&bins, b);
  Curve band = {.style = CURVE_BAND, .n = bins.n, .x = x, .y = middle, .low = low, .high = high};
  Curve line = {.name = "median", .n = bins.n, .x = x, .y = middle};
  if (spread.rows == scored->energy.rows && plot_add(&plot, band)) plot_add(&plot, line);
  page_plot(page, &plot);
  data_free(&spread);
}

/* ---- the part ---- */

bool report_scores(Page *page, const ReportRun *run, int n) {
  ScoredRun scored[REPORT_RUNS];
  int found = 0;
  err_clear();
  for (int i = 0; i < n; i++) {
    if (scored_read(&scored[found], &run[i]))
      found++;
    else if (*err_message())
      report_complain(page);
  }
  if (found) {
    show_table(page, scored, found);
    show_energies(page, scored, found);
    show_efficiencies(page, scored, found);
    show_confusion(page, scored, found);
    if (found == 1) show_spread(page, scored);
  } else if (!report_has(run, "scan.csv")) {
    page_html(page, "<p>There is no scores.h5 yet: <code>jetnae score RUN data.input=FILE</code> "
                    "writes it.</p>\n");
  }
  for (int i = 0; i < found; i++) scored_free(&scored[i]);
  return found > 0;
}
