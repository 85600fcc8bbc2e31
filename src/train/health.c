#include "train/health.h"

#include <math.h>

#include "base/log.h"

/* Steps of the phase at hand, which train.steps may cut short. */
static double phase_steps(const Stepper *stepper, const State *state) {
  double epochs = phase_opts(stepper->opts, state->at.phase)->epochs;
  double all = epochs * (double)batches_per_epoch(stepper);
  int64_t left = stepper->opts->steps - (state->at.step - state->at.phase_step);
  return stepper->opts->steps > 0 ? fmin(all, (double)left) : all;
}

void health_begin(const Stepper *stepper, const State *state) {
  double total = phase_steps(stepper, state);
  progress_begin(state->at.phase == PHASE_NAE ? "NAE" : "AE", total, 1);
}

double health_speed(const Health *health, const Stepper *stepper) {
  return (double)stepper->opts->batch / health->step_seconds;
}

void health_progress(Health *health, const Stepper *stepper, const State *state,
                     const StepReport *report, double step_seconds) {
  double epoch = (double)state->at.phase_step / (double)batches_per_epoch(stepper);
  int epochs = phase_opts(stepper->opts, state->at.phase)->epochs;
  *health = (Health){health->said, step_seconds, report->plus, report->minus};
  double speed = health_speed(health, stepper), done = (double)state->at.phase_step;
  if (state->at.phase == PHASE_NAE)
    progress_at(done, "step %ld, epoch %.2f of %d, E+ %.4g, E- %.4g, loss %.4g, %.0f samples/s",
                (long)state->at.step, epoch, epochs, report->plus, report->minus, report->loss,
                speed);
  else
    progress_at(done, "step %ld, epoch %.2f of %d, E+ %.4g, loss %.4g, %.0f samples/s",
                (long)state->at.step, epoch, epochs, report->plus, report->loss, speed);
}

void health_end(const Health *health, const State *state, const char *why) {
  if (state->at.phase == PHASE_NAE)
    progress_end("%s at step %ld, E+ %.4g, E- %.4g", why, (long)state->at.step, health->plus,
                 health->minus);
  else
    progress_end("%s at step %ld, E+ %.4g", why, (long)state->at.step, health->plus);
}

/* Say it when trouble starts; again only after it was over. */
static void warn_once(Health *health, const State *state, unsigned kind, bool trouble,
                      const char *text, double value) {
  unsigned bit = 1u << kind;
  bool said = health->said & bit;
  health->said = trouble ? health->said | bit : health->said & ~bit;
  if (trouble && !said) log_warn("step %ld: %s: %.3g", (long)state->at.step, text, value);
}

/* Shares of nothing are healthy. */
static double share(int64_t part, int64_t whole) {
  return whole > 0 ? (double)part / (double)whole : 0.5;
}

static void warn_acceptance(const char *chain, const char *sampler, int64_t accepted,
                            int64_t proposed, int steps) {
  double found = share(accepted, proposed);
  if (proposed == 0 || !sampler_find(sampler)->exact || (found >= 0.4 && found <= 0.75)) return;
  log_warn("after %d warm-up steps the %s chain accepts a share of %.3g, want 0.4 to 0.75: more "
           "nae.warmup_steps, or nae.%c_step_size nearer to what log.csv shows",
           steps, chain, found, chain[0] == 'l' ? 'z' : 'x');
}

void health_warmup(const State *state, const TrainOpts *opts, const StepReport *report) {
  const NaeOpts *nae = &opts->chain;
  const int64_t *count = report->count;
  if (state->at.phase != PHASE_NAE || state->at.phase_step != nae->warmup_steps) return;
  warn_acceptance("latent", nae->z_sampler, count[COUNT_Z_ACCEPTED], count[COUNT_Z_PROPOSED],
                  nae->warmup_steps);
  warn_acceptance("visible", nae->x_sampler, count[COUNT_X_ACCEPTED], count[COUNT_X_PROPOSED],
                  nae->warmup_steps);
}

/* Where the factor of grad E-, 2 gamma E- - c, is positive, negatives are pushed down. */
static void warn_gamma(Health *health, const State *state, const TrainOpts *opts,
                       const StepReport *report) {
  double contrast = opts->chain.temperature_mode == T_FIXED ? 1 / state->now.temperature : 1;
  double turn = 2 * state->gamma * report->minus / contrast;
  warn_once(health, state, 5, turn > 1,
            "nae.gamma outweighs the contrastive term and pushes E- down, by a factor of", turn);
}

/* Of chains that take steps, and more of those that go on and on, which are to find all of the
 * model; an energy of any sign has no ratio. The bands and the rule are those of out/verdict.c. */
static void warn_ratio(Health *health, const State *state, const TrainOpts *opts) {
  const NaeOpts *nae = &opts->chain;
  bool latent = negative_latent(nae->mode) && nae->z.steps > 0;
  bool means = (latent || nae->x.steps > 0) && !distance_find(opts->energy)->scalar;
  bool replays = negative_replays(nae->mode);
  double low = replays ? 0.85 : 0.2, high = replays ? 1.15 : 5;
  double ratio = state->row_minus / state->row_plus; /* of the steps since the last log row */
  warn_once(health, state, 0, means && (ratio < low || ratio > high),
            replays ? "E-/E+ is outside the healthy 0.85 to 1.15"
                    : "E-/E+ of chains that start at data is outside 0.2 to 5",
            ratio);
}

void health_warn(Health *health, const State *state, const TrainOpts *opts,
                 const StepReport *report) {
  const int64_t *count = report->count;
  if (!report->finite) return;
  warn_once(
      health, state, 6, report->below_epsilon > 0.5,
      "most second moments are below epsilon, so that Adam takes plain small steps (a smaller "
      "train.epsilon would help), a share of",
      report->below_epsilon);
  if (state->at.phase != PHASE_NAE || state->at.phase_step <= opts->chain.warmup_steps) return;
  if (!distance_find(opts->energy)->scalar) warn_gamma(health, state, opts, report);
  warn_ratio(health, state, opts);
  double z = share(count[COUNT_Z_ACCEPTED], count[COUNT_Z_PROPOSED]);
  double x = share(count[COUNT_X_ACCEPTED], count[COUNT_X_PROPOSED]);
  double clipped = share(count[COUNT_X_CLIPPED], count[COUNT_X_GRADIENTS]);
  double bound = share(count[COUNT_AT_BOUND], count[COUNT_VALUES]);
  warn_once(health, state, 1, z < 0.2 || z > 0.95,
            "the latent chain accepts a share far from 0.57", z);
  warn_once(health, state, 2, x < 0.2 || x > 0.95,
            "the visible chain accepts a share far from 0.57", x);
  warn_once(health, state, 3, clipped > 0.95,
            "nearly all gradients of the visible chain are clipped, a share of", clipped);
  warn_once(health, state, 4, bound > 0.95,
            "nearly all values of the negatives sit on a bound, a share of", bound);
}
