#include "train/step.h"

#include <math.h>
#include <omp.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "train/optimizer.h"
#include "train/temperature.h"

long batches_per_epoch(const Stepper *stepper) {
  return stepper->input->train.n / stepper->opts->batch;
}

/* Floats of the rank's tiles before one of them. */
static long offset_of(const Stepper *stepper, long tile) {
  return (tile - stepper->minus.tile_mine.from) * shape_size(stepper->net->input) * L;
}

float *stepper_negatives(const Stepper *stepper, long tile) {
  return stepper->negatives + offset_of(stepper, tile);
}

float *stepper_path(const Stepper *stepper, long tile) {
  if (!stepper->path) return NULL;
  return stepper->path + stepper->opts->chain.x.steps * offset_of(stepper, tile);
}

float *stepper_pull(const Stepper *stepper, long tile) {
  return stepper->pull + offset_of(stepper, tile);
}

static void warn_idle_ranks(const Comm *comm, const Split *plus, const Split *minus) {
  long feed = plus->leaves > minus->leaves ? plus->leaves : minus->leaves;
  if (feed >= comm_size(comm)) return;
  log_warn("%d ranks, but this batch can feed only %ld: the others take part in the sums alone "
           "(larger train.batch or nae.chains, smaller train.leaf, or fewer ranks)",
           comm_size(comm), feed);
}

/* What a gradient through the chains needs. */
static void add_transport(Stepper *s, long own) {
  long dim = shape_size(s->net->input);
  s->transport = transport_new(s->comm, s->minus.items, dim, s->minus.tile_mine, s->threads);
  s->path = MEM_NEW(float, "paths of chains", own * s->opts->chain.x.steps * dim * L);
  s->pull = MEM_NEW(float, "negatives", own *dim *L);
  for (int i = 0; i < s->threads; i++) leaf_work_add_dual(s->worker[i].leaf);
}

Stepper *stepper_new(const Comm *comm, const TrainOpts *opts, const TrainInput *input,
                     const Net *net, State *state, const Split *chains) {
  Stepper *s = MEM_NEW(Stepper, "step", 1);
  bool contrastive = chains->items > 0;
  long own = chains->tile_mine.to - chains->tile_mine.from;
  *s = (Stepper){.comm = comm, .opts = opts, .input = input, .net = net};
  s->objective[PHASE_NAE] = objective_find(opts->objective);
  s->objective[PHASE_AE] = objective_find(contrastive ? opts->pretrain : opts->objective);
  s->distance = distance_find(opts->energy);
  s->threads = opts->threads > 0 ? opts->threads : comm_threads(comm);
  s->plus = split_new(opts->batch, opts->leaf, comm_rank(comm), comm_size(comm));
  s->minus = *chains;
  warn_idle_ranks(comm, &s->plus, &s->minus);
  s->weights = weights_new(net);
  s->grid = (ExactGrid){
      .tensors = net->n_tensors, .offset = net->tensor_offset, .exponent = state->now.exponent};
  s->packet =
      packet_new(net->n_params, s->plus.tiles, chains->tiles, (size_t)state->now.replay.dim,
                 s->objective[PHASE_AE]->code_mean ? (size_t)shape_size(net_latent(net)) : 0);
  s->total = (ExactSum){.sum = s->packet.word,
                        .largest = MEM_NEW(uint32_t, "reduction", net->n_tensors)};
  s->worker =
      workers_new(net, &s->weights, s->distance, &s->grid, s->total, s->threads, opts->leaf,
                  contrastive, input->data->target, s->packet.n_spread, &input->manifolds);
  s->used = MEM_NEW(int, "reduction", net->n_tensors);
  s->gradient = MEM_NEW(float, "gradients", net->n_params);
  s->negatives = MEM_NEW(float, "negatives", own *shape_size(net->input) * L);
  if (s->objective[PHASE_NAE]->through_chain) add_transport(s, own);
  omp_set_dynamic(0);
  return s;
}

void stepper_free(Stepper **stepper) {
  Stepper *s = *stepper;
  if (!s) return;
  weights_free(&s->weights);
  workers_free(&s->worker, s->threads, s->minus.items > 0);
  packet_free(&s->packet);
  mem_free(&s->total.largest);
  mem_free(&s->used);
  mem_free(&s->gradient);
  mem_free(&s->negatives);
  transport_free(&s->transport);
  mem_free(&s->path);
  mem_free(&s->pull);
  mem_free(stepper);
}

void step_weights(Stepper *stepper, const float *w, const float *s) {
  weights_make(&stepper->weights, stepper->net, w, stepper->net->n_spectral ? s : NULL);
}

/* The loss's factors. With T auto or trained the contrastive term is E+ - E-, without the 1/T. */
static void set_factors(Stepper *stepper, const State *state) {
  bool nae = state->at.phase == PHASE_NAE;
  bool over_t = nae && stepper->opts->chain.temperature_mode == T_FIXED;
  stepper->linear_plus = over_t ? 1 / state->now.temperature : 1;
  stepper->linear_minus = -stepper->linear_plus;
  stepper->quadratic_plus = nae && stepper->distance->scalar ? state->gamma : 0;
}

static bool through_chain(const Stepper *stepper, const State *state) {
  return stepper->transport && state->at.phase == PHASE_NAE;
}

static void clear_counts(Stepper *stepper) {
  packet_clear(&stepper->packet);
  for (int i = 0; i < stepper->threads; i++) {
    Worker *worker = &stepper->worker[i];
    memset(worker->count, 0, sizeof worker->count);
    memset(worker->spread, 0, (stepper->packet.n_spread + 1) * sizeof *worker->spread);
  }
}

/* The workers' integers and this rank's wishes into the packet. */
static void collect_counts(Stepper *stepper, const State *state) {
  int64_t *count = packet_counts(&stepper->packet), *spread = packet_spread(&stepper->packet);
  for (int i = 0; i < stepper->threads; i++) {
    const Worker *worker = &stepper->worker[i];
    for (int k = 0; k < COUNTS; k++) count[k] += worker->count[k];
    for (size_t k = 0; k <= stepper->packet.n_spread; k++) spread[k] += worker->spread[k];
  }
  if (state->at.phase == PHASE_NAE && state->now.replay.chains > 0)
    replay_ages(&state->now.replay, &count[COUNT_REPLAY_FILLED], &count[COUNT_REPLAY_AGE]);
  count[COUNT_STOP] = stepper->ask_stop;
  count[COUNT_SAVE] = stepper->ask_save;
}

static void read_packet(Stepper *stepper, const State *state, StepReport *report) {
  double chains = (double)stepper->minus.items;
  memcpy(report->count, packet_counts(&stepper->packet), sizeof report->count);
  report->plus = packet_sum(&stepper->packet, TILE_PLUS);
  report->penalty = packet_sum(&stepper->packet, TILE_PENALTY);
  report->minus = report->minus_square = 0;
  if (state->at.phase != PHASE_NAE) return;
  report->minus = packet_sum(&stepper->packet, TILE_MINUS) / chains;
  report->minus_square = packet_sum(&stepper->packet, TILE_MINUS_SQUARE) / chains;
  if (stepper->transport) report->wasserstein = stepper->transport->distance;
  report->diversity = packet_diversity(&stepper->packet, stepper->minus.items);
}

static void update(Stepper *stepper, State *state, StepReport *report) {
  const PhaseOpts *phase = phase_opts(stepper->opts, state->at.phase);
  double rate = schedule_rate(stepper->opts, phase, state->at.epoch, state->at.phase_step,
                              batches_per_epoch(stepper));
  Update up = {
      .rate = rate * state->watch.rate_scale, .clip = phase->clip, .threads = stepper->threads};
  exact_read(stepper->gradient, &stepper->grid, &stepper->total, stepper->used);
  optimizer_update(&state->now, stepper->net, stepper->opts, stepper->gradient, &up);
  report->rate = up.rate;
  report->gradient_norm = up.norm;
  report->below_epsilon = (double)up.below / (double)stepper->net->n_params;
  report->loss = stepper->linear_plus * report->plus + stepper->linear_minus * report->minus +
                 state->gamma * report->minus_square + report->penalty + up.penalty;
  if (through_chain(stepper, state)) report->loss = report->wasserstein + up.penalty;
}

/* The running mean of the codes and what the log says of it. */
static void update_code_mean(Stepper *stepper, State *state, StepReport *report) {
  size_t n = stepper->packet.n_code;
  const int64_t *code = packet_code(&stepper->packet);
  double batch = (double)stepper->plus.items, memory = stepper->opts->obj.sparse_memory;
  report->code_mean = report->code_active = NAN;
  if (n == 0 || state->at.phase != PHASE_AE) return;
  double sum = 0, *mean = state->now.code_mean;
  for (size_t i = 0; i < n; i++) {
    double now = (double)code[i] / (batch * (1 << CODE_BITS));
    mean[i] = isnan(mean[i]) ? now : memory * mean[i] + (1 - memory) * now;
    sum += mean[i];
  }
  report->code_mean = sum / (double)n;
  report->code_active = (double)code[n] / (batch * (double)n);
}

/* What the chains learn from the step: mala's steps during the warm-up, a trained T. */
static void update_chains(const TrainOpts *opts, State *state, const StepReport *report) {
  Learned *now = &state->now;
  const int64_t *count = report->count;
  if (state->at.phase_step < opts->chain.warmup_steps) {
    mala_adapt(&now->z_step, &now->z_move, count[COUNT_Z_ACCEPTED], count[COUNT_Z_PROPOSED]);
    mala_adapt(&now->x_step, &now->x_move, count[COUNT_X_ACCEPTED], count[COUNT_X_PROPOSED]);
    bound_latent_step(now, &opts->chain, state->net);
  }
  if (opts->chain.temperature_mode == T_TRAINED || scale_trained(opts))
    temperature_train(now, opts, report->plus, report->minus);
  state->row_plus += report->plus;
  state->row_minus += report->minus;
  if (state->at.phase_step < opts->chain.warmup_steps) return;
  state->minus_sum += report->minus;
  state->minus_steps++;
}

static void move_on(const Stepper *stepper, Position *at) {
  at->step++;
  at->phase_step++;
  if (++at->batch < batches_per_epoch(stepper)) return;
  at->batch = 0;
  at->epoch++;
}

void step_run(Stepper *stepper, State *state, StepReport *report) {
  bool nae = state->at.phase == PHASE_NAE;
  *report = (StepReport){.plus = NAN,
                         .minus = NAN,
                         .loss = NAN,
                         .code_mean = NAN,
                         .code_active = NAN,
                         .wasserstein = NAN};
  isa_fp_control();
  set_factors(stepper, state);
  clear_counts(stepper);
  if (stepper->net->n_spectral > 0)
    net_spectral_step(stepper->net, state->now.s, state->now.w, 1);
  step_weights(stepper, state->now.w, state->now.s);
  if (nae) negatives_run(stepper, state);
  bool far = through_chain(stepper, state) && !negatives_transport(stepper, state);
  collect_counts(stepper, state);
  if (!far && gradient_reduce(stepper, state)) {
    read_packet(stepper, state, report);
    report->finite = isfinite(report->plus) && isfinite(report->minus_square);
  }
  if (report->finite) {
    update(stepper, state, report);
    update_code_mean(stepper, state, report);
  }
  if (report->finite && nae) update_chains(stepper->opts, state, report);
  move_on(stepper, &state->at);
}
