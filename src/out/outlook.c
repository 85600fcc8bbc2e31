#include "out/outlook.h"

#include <math.h>

enum { RECENT = 10 }; /* rows that the speed is taken over */

/* Steps of an epoch, which are the same in both phases: from the first validation, which is at
 * the end of one. NaN before. */
static double epoch_steps(const RunLog *log) {
  for (long i = 0; i < log->rows; i++) {
    double epoch = runlog_at(log, "epoch", i);
    if (!isnan(runlog_at(log, "valid_e_plus", i)) && epoch > 0 && (log->nae == 0 || i < log->nae))
      return runlog_at(log, "step", i) / epoch;
  }
  return NAN;
}

/* Time runs anew in a run that was resumed: rows of one stretch only. */
static double speed(const RunLog *log) {
  const double *time = runlog_column(log, "time_s"), *step = runlog_column(log, "step");
  long last = log->rows - 1, first = last;
  long begin = log->nae < log->rows ? log->nae : 0;
  if (!time || !step) return NAN;
  while (first > begin && last - first < RECENT && time[first - 1] < time[first]) first--;
  return first < last ? (step[last] - step[first]) / (time[last] - time[first]) : NAN;
}

/* So many validations in a row without a better one. */
static bool out_of_patience(const RunLog *log, int patience) {
  const double *metric = runlog_column(log, "valid_metric");
  double best = INFINITY;
  int misses = 0;
  for (long i = log->nae < log->rows ? log->nae : 0; metric && i < log->rows; i++) {
    if (isnan(metric[i])) continue;
    misses = metric[i] < best ? 0 : misses + 1;
    best = fmin(best, metric[i]);
  }
  return patience > 0 && misses >= patience;
}

static bool finished(const Outlook *now, const RunLog *log, const Plan *plan) {
  if (plan->steps > 0 && now->step + plan->log_steps > plan->steps) return true;
  if (!now->last_phase) return false;
  return runlog_at(log, "epoch", log->rows - 1) >= plan->epochs[now->phase] ||
         out_of_patience(log, plan->patience[now->phase]);
}

Outlook outlook_of(const RunLog *log, const Plan *plan) {
  long last = log->rows - 1;
  double per_epoch = epoch_steps(log);
  double begin = log->nae < log->rows && log->nae > 0 ? runlog_at(log, "step", log->nae - 1) : 0;
  Outlook now = {.step = (long)runlog_at(log, "step", last),
                 .phase = log->nae < log->rows,
                 .epoch = runlog_at(log, "epoch", last),
                 .steps_per_s = speed(log),
                 .samples_per_s = runlog_at(log, "time_samples_per_s", last)};
  now.last_phase = now.phase == 1 || plan->epochs[1] == 0;
  now.finished = finished(&now, log, plan);
  if (!isnan(per_epoch)) now.epoch = ((double)now.step - begin) / per_epoch;
  double end = begin + per_epoch * plan->epochs[now.phase];
  if (plan->steps > 0) end = fmin(end, (double)plan->steps);
  now.eta_s = now.finished ? 0 : fmax(0, end - (double)now.step) / now.steps_per_s;
  return now;
}
