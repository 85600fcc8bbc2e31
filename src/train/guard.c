#include "train/guard.h"

#include "base/log.h"

enum { LOST = 10 }; /* times the held-out E+ of the start: the normal class is forgotten */

static bool out_of_band(const GuardOpts *guard, const State *state) {
  double low = guard->band_low * state->row_plus, high = guard->band_high * state->row_plus;
  return !(state->row_minus >= low && state->row_minus <= high);
}

static Err roll_back(State *state, const TrainOpts *opts, const char *why) {
  if (state->watch.rollbacks >= opts->guard.rollbacks)
    return err_user(
        "training diverged at step %ld (%s), and %ld rollbacks with smaller rates did "
        "not help: lower %s, or look at the chains' health in log.csv",
        (long)state->at.step, why, (long)state->watch.rollbacks,
        state->at.phase == PHASE_NAE ? "train.nae_rate, raise nae.gamma" : "train.ae_rate");
  state_rollback(state);
  state_clear_sums(state);
  state->watch.rollbacks++;
  state->watch.bad_rows = 0;
  state->watch.rate_scale *= opts->guard.rate_factor;
  log_warn("step %ld: %s; back to the last good state, rate times %g (rollback %ld of %d)",
           (long)state->at.step, why, state->watch.rate_scale, (long)state->watch.rollbacks,
           opts->guard.rollbacks);
  return OK;
}

Err guard_step(State *state, const TrainOpts *opts, const StepReport *report, bool log_row,
               double held_out) {
  const GuardOpts *guard = &opts->guard;
  if (!report->finite)
    return roll_back(state, opts, "a gradient or an energy is not a finite number");
  bool nae = state->at.phase == PHASE_NAE && !distance_find(opts->energy)->scalar;
  if (nae && held_out > LOST * state->plus)
    return roll_back(state, opts, "the held-out E+ is over 10 times that of the phase's start");
  if (log_row && nae) {
    state->watch.bad_rows = out_of_band(guard, state) ? state->watch.bad_rows + 1 : 0;
    if (state->watch.bad_rows >= guard->rows)
      return roll_back(state, opts, "E-/E+ stayed outside the band of guard.band_low, band_high");
  }
  if (state->at.step % guard->steps == 0 && state->watch.bad_rows == 0) state_snapshot(state);
  return OK;
}
