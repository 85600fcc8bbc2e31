/* What a cut on the energy makes of the rows: normal or anomalous, of those that are either. The
 * cut of a run is where it errs as often on one class as on the other. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "num/sorted.h"
#include "report_scores.h"

/* Above it a row is called anomalous: as many anomalies lie below as normal rows above. */
static double equal_cut(const ScoredRun *scored) {
  long n[2] = {0, 0}, rows = scored->energy.rows;
  double *sorted[2];
  for (int c = 0; c < 2; c++) sorted[c] = MEM_NEW(double, "energies to sort", rows + 1);
  for (long i = 0; i < rows; i++) {
    int c = scored->is_signal[i];
    if (c >= 0 && isfinite(scored->energy.value[i])) sorted[c][n[c]++] = scored->energy.value[i];
  }
  for (int c = 0; c < 2; c++) sorted_numbers(sorted[c], n[c]);
  double low = 0, high = 1;
  for (int i = 0; i < 40 && n[0] && n[1]; i++) {
    double share = (low + high) / 2; /* of the anomalies lie below */
    bool more =
        sorted_quantile(sorted[1], n[1], share) < sorted_quantile(sorted[0], n[0], 1 - share);
    *(more ? &low : &high) = share;
  }
  double cut = n[0] && n[1] ? sorted_quantile(sorted[1], n[1], (low + high) / 2) : NAN;
  for (int c = 0; c < 2; c++) mem_free(&sorted[c]);
  return cut;
}

/* Shares of the rows of each class, row by row of `value` (classes, calls). */
static void shares(double *value, int classes, int calls) {
  for (int c = 0; c < classes; c++) {
    double all = 0;
    for (int k = 0; k < calls; k++) all += value[c * calls + k];
    for (int k = 0; k < calls; k++)
      value[c * calls + k] = all > 0 ? value[c * calls + k] / all : NAN;
  }
}

static const char *const class_name[] = {"are normal", "are anomalous"};

static void show_one(Page *page, const ScoredRun *scored, double cut) {
  static const char *const call[] = {"called normal", "called anomalous"};
  double value[4] = {0};
  char caption[160];
  for (long i = 0; i < scored->energy.rows; i++) {
    int c = scored->is_signal[i];
    double e = scored->energy.value[i];
    if (c >= 0 && isfinite(e)) value[2 * c + (e > cut)]++;
  }
  shares(value, 2, 2);
  snprintf(caption, sizeof caption,
           "By a cut at an energy of %.3g, where both kinds of error are as frequent.", cut);
  page_picture(page, &(Picture){.name = "scores-confusion",
                                .title = "Confusion",
                                .caption = caption,
                                .scale = "share of the rows of a class",
                                .numbers = true,
                                .rows = 2,
                                .columns = 2,
                                .value = value,
                                .labels_x = 2,
                                .text_x = call,
                                .labels_y = 2,
                                .text_y = class_name});
}

/* Whether each was trained on what is anomalous to the other, and both scored the same rows. */
static bool opposite(const ScoredRun *a, const ScoredRun *b) {
  if (a->energy.rows != b->energy.rows) return false;
  for (long i = 0; i < a->energy.rows; i++) {
    bool known = a->is_signal[i] >= 0 && b->is_signal[i] >= 0;
    if (known && a->is_signal[i] == b->is_signal[i]) return false;
  }
  return true;
}

/* Rows: classes, as a calls them; columns: known to both, to one of them, to none. */
static void show_pair(Page *page, const ScoredRun *a, const ScoredRun *b, const double cut[2]) {
  char class[2][128], only[2][128];
  const char *left[] = {class[0], class[1]}, *call[] = {"both", only[0], only[1], "neither"};
  double value[8] = {0};
  for (long i = 0; i < a->energy.rows; i++) {
    double e[2] = {a->energy.value[i], b->energy.value[i]};
    if (a->is_signal[i] < 0 || !isfinite(e[0]) || !isfinite(e[1])) continue;
    bool odd[2] = {e[0] > cut[0], e[1] > cut[1]};
    value[4 * a->is_signal[i] + 2 * odd[0] + odd[1]]++;
  }
  shares(value, 2, 4);
  const ScoredRun *run[] = {a, b};
  for (int r = 0; r < 2; r++) {
    snprintf(class[r], sizeof *class, "normal for\n%.14s", run[r]->run->name);
    snprintf(only[r], sizeof *only, "only\n%.11s", run[r]->run->name);
  }
  page_picture(page, &(Picture){.name = "scores-directions",
                                .title = "Direct and inverse",
                                .caption = "Who calls a row normal, each with its own cut. Both "
                                           "directions work where the diagonal \"only\" holds "
                                           "most; neither: both find it strange.",
                                .scale = "share of the rows of a class",
                                .numbers = true,
                                .rows = 2,
                                .columns = 4,
                                .value = value,
                                .labels_x = 4,
                                .text_x = call,
                                .labels_y = 2,
                                .text_y = left});
}

void show_confusion(Page *page, const ScoredRun *scored, int n) {
  double cut[REPORT_RUNS];
  for (int i = 0; i < n; i++) {
    cut[i] = scored[i].is_signal ? equal_cut(&scored[i]) : NAN;
    page_run(page, n > 1 ? i + 1 : 0, scored[i].run->name);
    if (isfinite(cut[i])) show_one(page, &scored[i], cut[i]);
  }
  page_run(page, 0, NULL);
  if (n == 2 && isfinite(cut[0]) && isfinite(cut[1]) && opposite(&scored[0], &scored[1]))
    show_pair(page, &scored[0], &scored[1], cut);
}
