#include "num/elem.h"
#include "train/optimizer.h"

double schedule_rate(const TrainOpts *opts, const PhaseOpts *phase, int64_t epoch,
                     int64_t phase_step, long batches) {
  double factor = opts->schedule_factor;
  if (opts->schedule == SCHEDULE_COSINE) {
    double t = (double)phase_step / ((double)phase->epochs * (double)batches);
    return phase->rate * (factor + (1 - factor) * 0.5 * (1 + elem_cospi(t < 1 ? t : 1)));
  }
  if (opts->schedule == SCHEDULE_STEP && opts->schedule_step > 0) {
    int64_t drops = epoch / opts->schedule_step;
    return phase->rate * elem_pow(factor, (double)drops);
  }
  return phase->rate;
}
