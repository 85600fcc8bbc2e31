/* Energies of what was trained on, of what was held out and of the chains' ends, when training was
 * over: energies.h5. */
#include <stdio.h>
#include <string.h>

#include "report_scores.h"

enum { BINS = 60, SETS = 4 };

static const struct {
  const char *set, *legend;
} sets[SETS] = {{"train", "training"},
                {"valid", "validation"},
                {"signal", "held-out anomalies"},
                {"negative", "negatives"}};

bool report_energies(Page *page, const ReportRun *run) {
  char path[REPORT_PATH];
  Data energy[SETS] = {{0}};
  Bins bins = {.n = BINS, .log = true};
  Plot plot = {.name = "training-energies",
               .title = "Energies at the end of training",
               .x_label = report_energy_label(run, 1),
               .y_label = "share of rows per bin",
               .x_name = "energy",
               .y_name = "share",
               .caption = "Each sums to 1. Validation right of training: overfitting. Negatives "
                          "are the ends of the last step's chains: far left of the data the "
                          "model has holes, far right it has nothing to learn from them.",
               .more = "set yrange [0:*]"};
  report_path(path, run, "energies.h5");
  for (int s = 0; s < SETS && report_has(run, "energies.h5"); s++)
    if (data_read(&energy[s], path, sets[s].set))
      bins_reach(&bins, energy[s].value, NULL, 0, energy[s].rows);
  plot.log_x = bins.log;
  for (int s = 0; s < SETS && bins.high > bins.low; s++) {
    Curve curve = {.colour = report_colour(s), .dash = s};
    strcpy(curve.name, sets[s].legend);
    scores_histogram(&plot, &bins, energy[s].value, energy[s].rows, NULL, 0, curve);
  }
  page_plot(page, &plot);
  scores_free_curves(&plot);
  for (int s = 0; s < SETS; s++) data_free(&energy[s]);
  return plot.n > 0;
}
