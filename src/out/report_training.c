/* How training went, from the log. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "out/verdict.h"
#include "report_parts.h"

enum { POINTS = 1000 };

/* A plot of columns of the log. */
typedef struct LogCurve {
  const char *column, *legend;
} LogCurve;
typedef struct LogPlot {
  const char *name, *title, *y_label, *caption;
  LogCurve curve[4];
  bool log_y;
  double band[2]; /* 0, 0: none */
  const char *more;
} LogPlot;

static const LogPlot plots[] = {
    {"training-energy", "Energies", "energy",
     "E+: mean energy of the data of a step; E-: of the chains' ends. In a converged NAE they "
     "agree.",
     .curve = {{"e_plus", "E+"}, {"e_minus", "E-"}, {"valid_e_plus", "held-out E+"}},
     .log_y = true},
    {"training-difference", "E- less E+", "energy", "What the chains' ends lie above the data.",
     .curve = {{"e_difference", "E- less E+"}}},
    {"training-ratio", "E- over E+", "E- / E+",
     "Healthy between 0.85 and 1.15. Below: chains find states that the model takes for better "
     "than data.",
     .curve = {{"e_ratio", "E- / E+"}}, .log_y = true, .band = {0.85, 1.15},
     .more = "set yrange [*<0.8:1.2<*]"},
    {"training-loss", "Loss", "loss",
     "What is minimised. For an NAE it is no measure of progress.", .curve = {{"loss", "loss"}}},
    {"training-auc", "Held-out anomalies", "AUC", "Against held-out anomalies, where labels are.",
     .curve = {{"valid_auc", "AUC"}}},
    {"training-explained", "Variance explained", "share of the variance of held-out samples",
     "What reconstructions keep. 0: no better than the mean of the class; 1: everything.",
     .curve = {{"valid_explained", "explained"}}, .more = "set yrange [-0.5<*:1]"},
    {"training-rate", "Rate and gradient", "rate; norm of the gradient", NULL,
     .curve = {{"rate", "rate"}, {"gradient_norm", "norm of the gradient"}}, .log_y = true},
    {"chains-acceptance", "Acceptance", "share of proposals accepted",
     "Exact chains (mala) are best near 0.57; the lines are where a warning begins.",
     .curve = {{"z_accepted", "latent chain"}, {"x_accepted", "visible chain"}},
     .band = {0.2, 0.95}, .more = "set yrange [0:1]"},
    {"chains-clipped", "Clipped and bounded", "share",
     "Gradients that were clipped; values of the chains' ends that sit on a bound.",
     .curve = {{"z_clipped", "latent, clipped"},
               {"x_clipped", "visible, clipped"},
               {"at_bound", "values at a bound"}},
     .more = "set yrange [0:1]"},
    {"chains-age", "Age of replayed chains", "steps since a fresh start", NULL,
     .curve = {{"replay_age", "mean age"}}},
    {"chains-diversity", "Diversity of replayed chains", "1 - |mean|^{2} / mean |z|^{2}",
     "1: spread evenly; 0: all in one place.", .curve = {{"replay_diversity", "diversity"}}},
    {"chains-temperature", "Temperatures", "energy",
     "T of the model, and what each chain's noise stands for at its end.",
     .curve = {{"temperature", "T"},
               {"z_temperature_last", "latent chain"},
               {"x_temperature_last", "visible chain"}},
     .log_y = true},
    {"training-norms", "Norms of weights", "Euclidean norm", NULL,
     .curve = {{"norm_encoder", "encoder"}, {"norm_decoder", "decoder"}}},
    {"training-code", "Code", "over the code's features", NULL,
     .curve = {{"code_active", "share active"}, {"code_mean", "mean activation"}}},
};
enum { PLOTS = sizeof plots / sizeof *plots };

/* A run's log, or those of the members of an ensemble. */
typedef struct Logs {
  const ReportRun *run;
  int n;
  RunLog *log; /* (n) */
} Logs;

/* Runs that have logs. */
typedef struct Rows {
  Logs *logs; /* (n) */
  int n;
} Rows;

/* A column, or the one that is made of two. Owns: the caller, mem_free. NULL: there is none. */
static double *column_new(const RunLog *log, const char *name) {
  bool difference = !strcmp(name, "e_difference");
  const double *from = runlog_column(log, difference ? "e_minus" : name);
  const double *plus = runlog_column(log, "e_plus");
  if (!from || !plus) return NULL;
  double *column = MEM_NEW(double, "column of a log", log->rows);
  for (long i = 0; i < log->rows; i++) column[i] = from[i] - (difference ? plus[i] : 0);
  return column;
}

/* Rows that all members have. */
static long common_rows(const Logs *logs) {
  long rows = logs->log[0].rows;
  for (int m = 1; m < logs->n; m++) rows = logs->log[m].rows < rows ? logs->log[m].rows : rows;
  return rows;
}

/* Mean over the members, lowest and highest: (rows) each; false: there is no such column. */
static bool over_members(double *mean, double *low, double *high, const Logs *logs, long rows,
                         const char *name) {
  bool found = false;
  for (int m = 0; m < logs->n; m++) {
    double *column = column_new(&logs->log[m], name);
    for (long i = 0; i < rows && column; i++) {
      mean[i] = (m ? mean[i] : 0) + column[i] / logs->n;
      low[i] = m ? fmin(low[i], column[i]) : column[i];
      high[i] = m ? fmax(high[i], column[i]) : column[i];
    }
    found = column != NULL;
    mem_free(&column);
  }
  return found;
}

/* Keep every so many points of those that are numbers, and the last; returns how many. */
static long thin(double *const column[4], long rows) {
  long found = 0, kept = 0, last = -1, k = 0;
  for (long i = 0; i < rows; i++)
    if (isfinite(column[1][i])) last = i, found++;
  long every = found / POINTS + 1;
  for (long i = 0; i <= last; i++) {
    if (!isfinite(column[1][i]) || (k++ % every && i != last)) continue;
    for (int c = 0; c < 4; c++) column[c][kept] = column[c][i];
    kept++;
  }
  return kept;
}

static void add_curve(Plot *plot, const LogPlot *what, int c, const Rows *rows, int i) {
  const Logs *logs = &rows->logs[i];
  const LogCurve *curve = &what->curve[c];
  long n = common_rows(logs);
  double *column[4]; /* step, mean, low, high */
  const double *step = runlog_column(&logs->log[0], "step");
  for (int k = 0; k < 4; k++) column[k] = MEM_NEW(double, "points of a curve", n + 1);
  memcpy(column[0], step, (size_t)n * sizeof *step);
  Curve made = {.dash = c, .colour = report_colour(rows->n > 1 ? i : c)};
  if (over_members(column[1], column[2], column[3], logs, n, curve->column))
    made.n = thin(column, n);
  made.x = column[0], made.y = column[1], made.low = column[2], made.high = column[3];
  Curve band = made;
  band.style = CURVE_BAND;
  report_legend(made.name, logs->run, rows->n, curve->legend);
  made.low = made.high = NULL;
  made.style = made.n == 1 ? CURVE_POINTS : CURVE_LINE;
  bool kept = logs->n > 1 && plot_add(plot, band);
  kept = plot_add(plot, made) || kept;
  for (int k = 0; k < 4 && !kept; k++) mem_free(&column[k]);
  if (kept && logs->n == 1) mem_free(&column[2]), mem_free(&column[3]);
}

/* A band and its line have their points in common; the line comes last. */
static void free_curves(Plot *plot) {
  for (int i = 0; i < plot->n; i++) {
    Curve *curve = &plot->curve[i];
    if (curve->style == CURVE_BAND) {
      mem_free(&curve->low), mem_free(&curve->high);
      continue;
    }
    mem_free(&curve->x), mem_free(&curve->y);
  }
}

/* Where one phase ends and the other begins, in a plot that shows both. */
static void mark_phases(Plot *plot, const Rows *rows) {
  const RunLog *log = &rows->logs[0].log[0];
  bool before = false;
  if (rows->n > 1 || log->nae == 0 || log->nae == log->rows) return;
  double first = runlog_at(log, "step", 0), last = runlog_at(log, "step", log->rows - 1);
  double at = (runlog_at(log, "step", log->nae - 1) + runlog_at(log, "step", log->nae)) / 2;
  for (int i = 0; i < plot->n; i++) before = before || plot->curve[i].x[0] < at;
  if (!before) return;
  if (at - first > 0.2 * (last - first)) plot_mark(plot, first, false, "plain");
  plot_mark(plot, at, false, "normalized");
}

static void show(Page *page, const LogPlot *what, const Rows *rows) {
  Plot plot = {.name = what->name,
               .title = what->title,
               .x_label = "optimizer step",
               .y_label = what->y_label,
               .x_name = "step",
               .y_name = what->curve[0].column,
               .caption = what->caption,
               .log_y = what->log_y,
               .more = what->more};
  for (int c = 0; c < 4 && what->curve[c].column; c++)
    for (int i = 0; i < rows->n; i++) add_curve(&plot, what, c, rows, i);
  mark_phases(&plot, rows);
  if (!strcmp(what->name, "training-difference")) plot_mark(&plot, 0, true, NULL);
  for (int b = 0; b < 2 && what->band[1] > 0; b++) plot_mark(&plot, what->band[b], true, NULL);
  page_plot(page, &plot);
  free_curves(&plot);
}

/* ---- verdicts ---- */

static void show_verdict(Page *page, const char *name, const RunLog *log) {
  Verdict verdict = verdict_of(log);
  page_html(page, "<div class=\"verdict g%d\"><strong>", (int)verdict.grade);
  page_text(page, name);
  page_html(page, ": %s</strong>", verdict.word);
  if (verdict.n == 0) page_html(page, " &ndash; nothing is wrong that the log can tell.");
  if (verdict.n) page_html(page, "<ul>");
  for (int i = 0; i < verdict.n; i++) {
    page_html(page, "<li>");
    page_text(page, verdict.finding[i].text);
    page_html(page, "</li>\n");
  }
  page_html(page, "%s</div>\n", verdict.n ? "</ul>" : "");
}

static void show_verdicts(Page *page, const Logs *logs) {
  char name[160];
  for (int m = 0; m < logs->n; m++) {
    snprintf(name, sizeof name, "%s", logs->run->name);
    if (logs->n > 1) snprintf(name, sizeof name, "%s, member %d", logs->run->name, m);
    show_verdict(page, name, &logs->log[m]);
  }
}

/* A log without rows is none. */
static void read_log(Logs *logs, Page *page, const char *file) {
  char path[REPORT_PATH];
  RunLog *log = &logs->log[logs->n];
  report_path(path, logs->run, file);
  if (!report_has(logs->run, file)) return;
  if (runlog_read(log, path))
    report_complain(page);
  else if (log->rows)
    logs->n++;
  else
    runlog_free(log);
}

/* Owns: the caller, free_logs. */
static Logs read_logs(Page *page, const ReportRun *run) {
  char file[64];
  Logs logs = {.run = run, .log = MEM_NEW(RunLog, "logs of members", 1 + run->members)};
  read_log(&logs, page, "log.csv");
  for (int m = 0; m < run->members; m++) {
    snprintf(file, sizeof file, "member-%d/log.csv", m);
    read_log(&logs, page, file);
  }
  return logs;
}

static void free_logs(Logs *logs) {
  for (int m = 0; m < logs->n; m++) runlog_free(&logs->log[m]);
  mem_free(&logs->log);
}

bool report_training(Page *page, const ReportRun *run, int n) {
  Rows rows = {.logs = MEM_NEW(Logs, "logs", n)};
  for (int i = 0; i < n; i++) {
    rows.logs[rows.n] = read_logs(page, &run[i]);
    if (rows.logs[rows.n].n > 0)
      rows.n++;
    else
      free_logs(&rows.logs[rows.n]);
  }
  for (int i = 0; i < rows.n; i++) show_verdicts(page, &rows.logs[i]);
  bool trains = !report_has(run, "scan.csv") && !report_has(run, "explained.csv");
  if (rows.n == 0 && trains) page_html(page, "<p>There is no row of a log.csv yet.</p>\n");
  for (int p = 0; p < PLOTS && rows.n; p++) show(page, &plots[p], &rows);
  for (int i = 0; i < rows.n; i++) free_logs(&rows.logs[i]);
  bool any = rows.n > 0;
  mem_free(&rows.logs);
  return any;
}
