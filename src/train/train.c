/* The run: start or continue, phase after phase, until nothing is left to do or somebody asks to
 * stop. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "model/model.h"
#include "train/energies.h"
#include "train/gallery.h"
#include "train/guard.h"
#include "train/run.h"
#include "train/temperature.h"

static bool nae_next(const Run *run) {
  return run->state.at.phase == PHASE_AE && run->objective->contrastive &&
         run->opts.nae.epochs > 0;
}

static bool all_done(const Run *run) {
  if (run->opts.steps > 0 && run->state.at.step >= run->opts.steps) return true;
  return run_phase_done(run) && !nae_next(run);
}

/* ---- files ---- */

/* The weights that the run would choose now, as the layers see them. Whether they are not those of
 * the last step. */
static bool choose_weights(Run *run) {
  const Best *best = &run->state.best;
  bool chosen = best->step >= 0;
  step_weights(run->stepper, chosen ? best->w : run->state.now.w,
               chosen ? best->s : run->state.now.s);
  return chosen;
}

static Err save_model(Run *run) {
  const Best *best = &run->state.best;
  bool chosen = choose_weights(run);
  if (!run_is_first(run)) return OK;
  Model model = {.spec = *run->spec,
                 .input = run->net->input,
                 .net = run->net,
                 .w = run->stepper->weights.w,
                 .mean = run->input->mean,
                 .scale = run->input->scale,
                 .temperature = chosen ? best->temperature : run->state.now.temperature,
                 .z_step = run->state.now.z_step,
                 .x_step = run->state.now.x_step,
                 .config = (char *)run->input->config};
  snprintf(model.objective, sizeof model.objective, "%s", run->objective->name);
  snprintf(model.energy, sizeof model.energy, "%s", run->opts.energy);
  view_features_text(model.features, sizeof model.features, run->input->data->view);
  return rundir_publish(&run->dir, &model);
}

/* Collective. The model first: a checkpoint of a finished run says that everything is there. */
static Err save(Run *run) {
  Field field[STATE_FIELDS];
  char path[RUNDIR_PATH];
  int n = state_fields(&run->state, field);
  TRY(comm_agree(run->comm, save_model(run)));
  TRY(comm_agree(run->comm, run->log ? logfile_sync(run->log) : OK));
  rundir_checkpoint(&run->dir, path, run->state.at.step);
  TRY(checkpoint_save(run->comm, path, field, n, run->input->config_full, provenance_facts(),
                      rundir_fence(&run->dir)));
  if (run_is_first(run)) rundir_prune(&run->dir, run->state.at.step);
  run->saved = clock_now();
  return OK;
}

/* ---- phases ---- */

/* The steps of mala at the start of the phase, over T. In the latent space the decoder's slopes
 * are about 1, and a step is at most as long as the sphere is wide. */
static void start_chains(Run *run) {
  const NaeOpts *nae = &run->opts.chain;
  Learned *now = &run->state.now;
  long dim = shape_size(run->net->input), k = net_manifold(run->net);
  double z_temperature = latent_temperature(nae, now);
  now->z_move = now->x_move = 1;
  now->z_step = mala_start(dim, k > 0 ? k : 1);
  if (now->z_step * z_temperature > 1) now->z_step = 1 / z_temperature;
  now->x_step = mala_start(dim, dim);
  if (nae->z.step > 0) now->z_step = nae->z.step / z_temperature;
  if (nae->x.step > 0) now->x_step = nae->x.step / now->temperature;
}

/* The autoencoder competes with what the NAE phase makes of it, unless the last is asked for. Its
 * gap, and how far its negatives are, is not known before a chain has run: there it stands until
 * the first that is. */
static void first_candidate(Run *run, const Validation *start) {
  SelectBy rule = select_rule(&run->opts, PHASE_NAE);
  bool none = rule == SELECT_GAP || rule == SELECT_WASSERSTEIN || rule == SELECT_LAST;
  double metric = none ? INFINITY : select_metric(&run->opts, PHASE_NAE, start, 0);
  state_keep_best(&run->state, metric);
}

/* Collective. From the autoencoder that its phase chose to the start of the NAE phase. */
static Err begin_nae(Run *run) {
  State *state = &run->state;
  const NaeOpts *nae = &run->opts.chain;
  state_take_best(state);
  step_weights(run->stepper, state->now.w, state->now.s);
  Validation start = validate(run->validator, state);
  double plus = start.plus;
  bool any_sign = run->stepper->distance->scalar;
  if ((!any_sign && !(plus > 0)) || !isfinite(plus))
    return err_user("the NAE phase starts with E+ = %g, want a positive number: look at the AE "
                    "phase in %s/log.csv",
                    plus, run->dir.out);
  state->now.temperature = nae->temperature;
  if (nae->temperature_mode != T_FIXED)
    state->now.temperature =
        temperature_auto(plus, shape_size(run->net->input), net_manifold(run->net));
  state->gamma = nae->gamma_unit == GAMMA_RELATIVE ? nae->gamma / plus : nae->gamma;
  if (run->objective->through_chain) state->gamma = 0; /* no energy in the loss */
  start_chains(run);
  state_fresh_optimizer(state);
  state->at =
      (Position){.phase = PHASE_NAE, .step = state->at.step, .ae_epochs = run->opts.ae.epochs};
  state->watch.bad_rows = 0;
  state->watch.rate_scale = 1;
  state->plus = plus;
  state_clear_sums(state);
  state_snapshot(state);
  first_candidate(run, &start);
  log_note("NAE phase: held-out E+ = %g, T = %g, gamma = %g", plus, state->now.temperature,
           state->gamma);
  return OK;
}

/* ---- validation, selection, early stopping ---- */

/* In the NAE phase there is nothing to choose before a step after the warm-up, nor while the
 * guard is not content. */
static bool may_select(const State *state) {
  if (state->at.phase == PHASE_AE) return true;
  return state->minus_steps > 0 && state->watch.bad_rows == 0;
}

static void decide(Run *run, Validation *validation) {
  State *state = &run->state;
  Phase phase = (Phase)state->at.phase;
  double minus = state->minus_sum / (double)state->minus_steps;
  double metric = select_metric(&run->opts, phase, validation, minus);
  bool better = metric < state->best.metric;
  validation->metric = metric;
  state->watch.misses = better ? 0 : state->watch.misses + 1;
  if (better || select_rule(&run->opts, phase) == SELECT_LAST) state_keep_best(state, metric);
  int patience = run_phase(run)->patience;
  if (patience > 0 && state->watch.misses >= patience) {
    state->at.over = 1;
    log_note("stopped early: %d validations in a row without improvement", patience);
  }
}

static bool validation_due(const Run *run) {
  const Position *at = &run->state.at;
  return at->batch == 0 && at->epoch % run->opts.validate_epochs == 0;
}

/* Collective. Held-out energies of the weights after the step; NaN when none are due. */
static Validation measure(Run *run) {
  Validation none = {
      .plus = NAN, .auc = NAN, .wasserstein = NAN, .explained = NAN, .metric = NAN};
  if (!validation_due(run)) return none;
  step_weights(run->stepper, run->state.now.w, run->state.now.s);
  Validation validation = validate(run->validator, &run->state);
  validation.metric = NAN;
  return validation;
}

/* The guard's word on the step first, then the choice: never of what a rollback threw away. */
static Err judge(Run *run, const StepReport *report, Validation *validation, bool row) {
  State *state = &run->state;
  int64_t rollbacks = state->watch.rollbacks;
  TRY(guard_step(state, &run->opts, report, row, validation->plus));
  if (validation_due(run) && state->watch.rollbacks == rollbacks && may_select(state))
    decide(run, validation);
  if (validation_due(run)) state->minus_sum = 0, state->minus_steps = 0;
  return OK;
}

/* ---- loop ---- */

/* Collective. */
static Err log_row(Run *run, const StepReport *report, const Validation *validation) {
  Err e = OK;
  health_warn(&run->health, &run->state, &run->opts, report);
  if (run->log)
    e = logfile_row(run->log, &run->dir, &run->state, &run->opts, report, validation,
                    health_speed(&run->health, run->stepper), clock_now() - run->started);
  return comm_agree(run->comm, e);
}

/* The clock may say when to stop: minutes from the start, and the end of the batch job. */
static double stop_at(const TrainOpts *opts, double started) {
  double job = clock_job_end() - 60 * opts->margin_minutes;
  double wall = opts->wall_minutes > 0 ? started + 60 * opts->wall_minutes : INFINITY;
  return fmin(job, wall);
}

/* What this rank wants after the coming step: every rank hears signals, the first one watches the
 * clock. */
static void ask(Run *run) {
  double now = clock_now();
  const TrainOpts *opts = &run->opts;
  run->stepper->ask_stop = stop_requested();
  run->stepper->ask_save = false;
  if (!run_is_first(run)) return;
  if (now + run->longest > run->deadline) run->stepper->ask_stop = true;
  if (opts->checkpoint_minutes > 0 && now - run->saved > 60 * opts->checkpoint_minutes)
    run->stepper->ask_save = true;
  if (now - run->looked < 1) return;
  run->looked = now;
  if (rundir_stop_file(run->dir.out)) run->stepper->ask_stop = true;
  if (run->input->whole && rundir_stop_file(run->input->whole)) run->stepper->ask_stop = true;
}

static bool save_due(const Run *run, const StepReport *report) {
  long every = run->opts.checkpoint_steps;
  return report->count[COUNT_SAVE] > 0 || (every > 0 && run->state.at.step % every == 0);
}

/* One step and what follows it. A run that the guard gives up still writes its last row. */
static Err one_step(Run *run, bool *stop) {
  StepReport report;
  ask(run);
  double before = clock_now();
  TRY(batch_need(run->stepper, &run->state.at));
  step_run(run->stepper, &run->state, &report);
  health_progress(&run->health, run->stepper, &run->state, &report, clock_now() - before);
  bool row = run->state.at.step % run->opts.log_steps == 0;
  Validation validation = measure(run);
  Err judged = judge(run, &report, &validation, row);
  Events *events = logfile_events(run->log);
  if (events && validation_due(run)) gallery_add(events, run->stepper, &run->state.at);
  if (row || validation_due(run)) TRY(log_row(run, &report, &validation));
  TRY(judged);
  health_warmup(&run->state, &run->opts, &report);
  if (row) run->state.row_plus = run->state.row_minus = 0;
  *stop = report.count[COUNT_STOP] > 0;
  if (!*stop && save_due(run, &report)) return save(run);
  return OK;
}

static Err stop_early(Run *run) {
  health_end(&run->health, &run->state, "stopped");
  TRY(save(run));
  log_note("stopped at step %" PRId64 "; the same command continues", run->state.at.step);
  return ERR_STOPPED;
}

/* Collective. */
static Err end(Run *run) {
  return comm_agree(run->comm, run_is_first(run) ? rundir_end(&run->dir) : OK);
}

static void warn_unreached(const Run *run) {
  if (!nae_next(run)) return;
  log_warn("train.steps ended the run in its first phase: model.h5 is a plain autoencoder still");
}

/* The last state where that is asked for and train.steps ended the run inside an epoch, or where no
 * validation has judged a state of the NAE phase. */
static void keep_last(Run *run) {
  State *state = &run->state;
  if (select_rule(&run->opts, (Phase)state->at.phase) == SELECT_LAST && may_select(state)) {
    state_keep_best(state, state->best.metric);
    return;
  }
  if (state->at.phase != PHASE_NAE || state->best.step < 0 || isfinite(state->best.metric))
    return;
  log_warn("no state of the NAE phase could be judged (shorter than nae.warmup_steps, or outside "
           "the guard's band): model.h5 is the last");
  state_keep_best(state, INFINITY);
}

static Err finish(Run *run) {
  health_end(&run->health, &run->state, "done");
  keep_last(run);
  warn_unreached(run);
  choose_weights(run);
  if (run->state.at.step > 0) TRY(energies_save(run->validator, &run->dir, &run->state));
  TRY(save(run));
  TRY(end(run));
  const Best *best = &run->state.best;
  log_note("finished at step %" PRId64 "; %s/model.h5 is the model of step %" PRId64,
           run->state.at.step, run->dir.out, best->step < 0 ? run->state.at.step : best->step);
  return OK;
}

/* The phase at hand, or where that is over the next. */
static Err begin_phase(Run *run) {
  if (run_phase_done(run)) TRY(begin_nae(run));
  health_begin(run->stepper, &run->state);
  return OK;
}

static Err loop(Run *run) {
  bool stop = false;
  run->deadline = stop_at(&run->opts, run->started);
  if (!all_done(run)) TRY(begin_phase(run));
  while (!all_done(run)) {
    double before = clock_now();
    TRY(one_step(run, &stop));
    run->longest = fmax(run->longest, clock_now() - before);
    if (stop && !all_done(run)) return stop_early(run);
    if (all_done(run) || !run_phase_done(run)) continue;
    health_end(&run->health, &run->state, "done");
    TRY(begin_phase(run));
  }
  return finish(run);
}

/* Collective. A finished run whose model is gone makes it again from the checkpoint. */
static Err mend_model(Run *run) {
  char path[RUNDIR_PATH];
  Model model;
  int32_t lost = 0;
  if (run_is_first(run)) {
    rundir_path(&run->dir, path, "model.h5");
    lost = model_load(path, &model) != OK;
    if (lost)
      err_clear(), log_warn("%s: missing or damaged; made again from the checkpoint", path);
    else
      model_free(&model);
  }
  comm_broadcast(run->comm, &lost, sizeof lost, 0);
  return lost ? comm_agree(run->comm, save_model(run)) : OK;
}

Err train_run(const Comm *comm, const TrainOpts *opts, const NetSpec *spec,
              const TrainInput *input) {
  double now = clock_now();
  Run run = {.comm = comm, .spec = spec, .input = input, .started = now, .saved = now};
  comm_watch(comm, opts->watchdog_minutes);
  Err e = run_open(&run, opts);
  if (!e && run.state.at.step > 0 && all_done(&run)) {
    log_note("%s: this run is finished (step %" PRId64 ")", input->out, run.state.at.step);
    e = mend_model(&run);
    if (!e) e = end(&run);
  } else if (!e) {
    e = loop(&run);
  }
  run_close(&run);
  comm_watch(comm, 0);
  return e;
}
