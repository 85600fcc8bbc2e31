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
    {"training-energy", "Energies", "energy (error per feature)",
     "E+: mean energy of the data of a step; E-: of the chains' ends. In a converged NAE they "
     "agree.",
     .curve = {{"e_plus", "E+"}, {"e_minus", "E-"}, {"valid_e_plus", "held-out E+"}},
     .log_y = true},
    {"training-difference", "E- less E+", "energy (error per feature)",
     "What the chains' ends lie above the data.", .curve = {{"e_difference", "E- less E+"}}},
    {"training-ratio", "E- over E+", "E- / E+",
     "Healthy between 0.85 and 1.15. Below: chains find states that the model takes for better "
     "than data.",
     .curve = {{"e_ratio", "E- / E+"}}, .log_y = true, .band = {0.85, 1.15},
     .more = "set yrange [*<0.8:1.2<*]"},
    {"training-loss", "Loss", "loss",
     "What is minimised. For an NAE it is no measure of progress.", .curve = {{"loss", "loss"}}},
    {"training-auc", "Held-out anomalies", "AUC", "Against held-out anomalies, where labels are.",
     .curve = {{"valid_auc", "AUC"}}},
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

/* Every so many rows of those that have a number, and the last. Owns: x and y, the caller. */
static long thin(const RunLog *log, const double *column, double **x, double **y) {
  const double *step = runlog_column(log, "step");
  long found = 0, kept = 0, last = -1;
  for (long i = 0; i < log->rows; i++)
    if (isfinite(column[i])) last = i, found++;
  long every = found / POINTS + 1, k = 0;
  *x = MEM_NEW(double, "points of a curve", found + 1);
  *y = MEM_NEW(double, "points of a curve", found + 1);
  for (long i = 0; i <= last; i++) {
    if (!isfinite(column[i])) continue;
    if (k++ % every && i != last) continue;
    (*x)[kept] = step[i];
    (*y)[kept++] = column[i];
  }
  return kept;
}

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

typedef struct Rows {
  const ReportRun *run;
  const RunLog *log; /* (n) */
  int n;
} Rows;

static void add_curve(Plot *plot, const LogPlot *what, int c, const Rows *rows, int i) {
  const LogCurve *curve = &what->curve[c];
  double *column = column_new(&rows->log[i], curve->column);
  Curve made = {.style = CURVE_LINE, .dash = rows->n > 1 ? c : 0};
  double *x, *y;
  if (!column) return;
  made.n = thin(&rows->log[i], column, &x, &y);
  mem_free(&column);
  made.x = x, made.y = y;
  made.colour = report_colour(rows->n > 1 ? i : c);
  if (made.n == 1) made.style = CURVE_POINTS;
  report_legend(made.name, &rows->run[i], rows->n, curve->legend);
  if (!plot_add(plot, made)) mem_free(&x), mem_free(&y);
}

static void free_curves(Plot *plot) {
  for (int i = 0; i < plot->n; i++) {
    mem_free(&plot->curve[i].x);
    mem_free(&plot->curve[i].y);
  }
}

/* Where the NAE phase begins, in a plot that shows something before it. */
static void mark_phases(Plot *plot, const Rows *rows) {
  const RunLog *log = &rows->log[0];
  bool before = false;
  if (rows->n > 1 || log->nae == 0 || log->nae == log->rows) return;
  double at = (runlog_at(log, "step", log->nae - 1) + runlog_at(log, "step", log->nae)) / 2;
  for (int i = 0; i < plot->n; i++) before = before || plot->curve[i].x[0] < at;
  if (before) plot_mark(plot, at, false, "NAE phase");
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
  for (int b = 0; b < 2 && what->band[1] > 0; b++) plot_mark(&plot, what->band[b], true, NULL);
  page_plot(page, &plot);
  free_curves(&plot);
}

/* ---- verdicts ---- */

static void show_verdict(Page *page, const ReportRun *run, const RunLog *log) {
  Verdict verdict = verdict_of(log);
  page_html(page, "<div class=\"verdict g%d\"><strong>", (int)verdict.grade);
  page_text(page, run->name);
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

/* Logs of the runs that have one, with their runs. */
typedef struct Logs {
  int n;
  RunLog log[REPORT_RUNS];
  ReportRun *run; /* (REPORT_RUNS) */
} Logs;

static void read_log(Logs *logs, Page *page, const ReportRun *run) {
  char path[REPORT_PATH];
  report_path(path, run, "log.csv");
  if (!report_has(run, "log.csv")) return;
  if (runlog_read(&logs->log[logs->n], path))
    report_complain(page);
  else if (logs->log[logs->n].rows)
    logs->run[logs->n++] = *run;
  else
    runlog_free(&logs->log[logs->n]);
}

bool report_training(Page *page, const ReportRun *run, int n) {
  Logs logs = {.run = MEM_NEW(ReportRun, "runs", REPORT_RUNS)};
  for (int i = 0; i < n; i++) read_log(&logs, page, &run[i]);
  Rows rows = {logs.run, logs.log, logs.n};
  for (int i = 0; i < logs.n; i++) show_verdict(page, &logs.run[i], &logs.log[i]);
  if (logs.n == 0) page_html(page, "<p>There is no row of a log.csv yet.</p>\n");
  for (int p = 0; p < PLOTS && logs.n; p++) show(page, &plots[p], &rows);
  for (int i = 0; i < logs.n; i++) runlog_free(&logs.log[i]);
  mem_free(&logs.run);
  return logs.n > 0;
}
