#include "train/state.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "num/exact.h"

enum { POWER_ITERATIONS = 15 }; /* at the start, as PyTorch */

static Replay no_replay(void) { return (Replay){0}; }

static Learned learned_new(const Net *net, const TrainOpts *opts, const Split *chains) {
  Learned learned = {.w = MEM_NEW(float, "weights", net->n_params),
                     .m = MEM_NEW(float, "moments", net->n_params),
                     .v = MEM_NEW(float, "moments", net->n_params),
                     .s = MEM_NEW(float, "weights", net->n_spectral),
                     .exponent = MEM_NEW(int, "moments", net->n_tensors),
                     .code_mean = MEM_NEW(double, "moments", shape_size(net_latent(net))),
                     .replay = no_replay()};
  bool pixels = opts->chain.mode == NEG_PCD;
  long own = (chains->tile_mine.to - chains->tile_mine.from) * L;
  if (chains->items > 0 && negative_replays(opts->chain.mode))
    learned.replay = replay_new(chains->tile_mine.from * L, own, opts->chain.replay_slots,
                                pixels ? shape_size(net->input) : shape_size(net_latent(net)));
  return learned;
}

static void learned_free(Learned *learned) {
  mem_free(&learned->w);
  mem_free(&learned->m);
  mem_free(&learned->v);
  mem_free(&learned->s);
  mem_free(&learned->exponent);
  mem_free(&learned->code_mean);
  if (learned->replay.state) replay_free(&learned->replay);
}

State state_new(const Net *net, const TrainOpts *opts, const Split *chains) {
  State state = {.net = net, .chains = chains->items};
  state.now = learned_new(net, opts, chains);
  state.snapshot = learned_new(net, opts, chains);
  state.best.w = MEM_NEW(float, "weights", net->n_params);
  state.best.s = MEM_NEW(float, "weights", net->n_spectral);
  return state;
}

void state_free(State *state) {
  learned_free(&state->now);
  learned_free(&state->snapshot);
  mem_free(&state->best.w);
  mem_free(&state->best.s);
}

static void forget_best(State *state) {
  state->best.metric = INFINITY;
  state->best.step = -1;
  state->watch.misses = 0;
}

void state_fresh_optimizer(State *state) {
  Learned *now = &state->now;
  size_t n = state->net->n_params;
  memset(now->m, 0, n * sizeof *now->m);
  memset(now->v, 0, n * sizeof *now->v);
  for (int t = 0; t < state->net->n_tensors; t++) now->exponent[t] = EXACT_NONE;
  for (long i = 0; i < shape_size(net_latent(state->net)); i++) now->code_mean[i] = NAN;
  now->beta1_power = now->beta2_power = 1;
  now->log_t_m = now->log_t_v = 0;
  if (now->replay.fill) memset(now->replay.fill, 0, (size_t)now->replay.chains);
  if (now->replay.next) memset(now->replay.next, 0, (size_t)now->replay.chains);
  forget_best(state);
}

/* Step 0 with the parameters that are there. */
static void begin(State *state, uint64_t seed) {
  const Net *net = state->net;
  if (net->n_spectral > 0) {
    net_spectral_init(net, state->now.s, state->now.w, seed);
    net_spectral_step(net, state->now.s, state->now.w, POWER_ITERATIONS);
  }
  state->at = (Position){.phase = PHASE_AE};
  state->watch = (Watch){.rate_scale = 1};
  state->gamma = state->plus = 0;
  state->log_bytes = 0;
  state_clear_sums(state);
  state_fresh_optimizer(state);
  state_snapshot(state);
}

void state_start(State *state, uint64_t seed) {
  net_init(state->net, state->now.w, seed);
  begin(state, seed);
}

void state_start_with(State *state, const float *w, uint64_t seed) {
  memcpy(state->now.w, w, state->net->n_params * sizeof *w);
  begin(state, seed);
}

void state_clear_sums(State *state) {
  state->minus_sum = state->row_plus = state->row_minus = 0;
  state->minus_steps = 0;
}

static void copy_replay(Replay *to, const Replay *from) {
  size_t slots = (size_t)from->chains * (size_t)from->slots;
  if (!slots) return;
  memcpy(to->state, from->state, slots * (size_t)from->dim * sizeof *to->state);
  memcpy(to->age, from->age, slots * sizeof *to->age);
  memcpy(to->fill, from->fill, (size_t)from->chains);
  memcpy(to->next, from->next, (size_t)from->chains);
}

static void copy_learned(Learned *to, const Learned *from, const Net *net) {
  Learned arrays = *to;
  size_t bytes = net->n_params * sizeof(float);
  *to = *from;
  to->w = arrays.w, to->m = arrays.m, to->v = arrays.v, to->s = arrays.s;
  to->exponent = arrays.exponent, to->replay = arrays.replay, to->code_mean = arrays.code_mean;
  memcpy(to->w, from->w, bytes);
  memcpy(to->m, from->m, bytes);
  memcpy(to->v, from->v, bytes);
  memcpy(to->s, from->s, net->n_spectral * sizeof(float));
  memcpy(to->exponent, from->exponent, (size_t)net->n_tensors * sizeof(int));
  memcpy(to->code_mean, from->code_mean, (size_t)shape_size(net_latent(net)) * sizeof(double));
  copy_replay(&to->replay, &from->replay);
}

void state_snapshot(State *state) { copy_learned(&state->snapshot, &state->now, state->net); }
void state_rollback(State *state) { copy_learned(&state->now, &state->snapshot, state->net); }

void state_keep_best(State *state, double metric) {
  Best *best = &state->best;
  memcpy(best->w, state->now.w, state->net->n_params * sizeof *best->w);
  memcpy(best->s, state->now.s, state->net->n_spectral * sizeof *best->s);
  best->metric = metric;
  best->temperature = state->now.temperature;
  best->step = state->at.step;
}

void state_take_best(State *state) {
  const Best *best = &state->best;
  if (best->step < 0) return;
  memcpy(state->now.w, best->w, state->net->n_params * sizeof *best->w);
  memcpy(state->now.s, best->s, state->net->n_spectral * sizeof *best->s);
}

/* A field that every rank holds alike. */
static Field alike(const char *name, FieldType type, void *data, size_t n) {
  return (Field){.name = name, .type = type, .data = data, .rows = (long)n, .row = 1};
}

/* A field of replay: rows are chains. */
static Field spread(const char *name, FieldType type, void *data, long chains, long row,
                    const Replay *replay) {
  Range mine = {replay->chain_from, replay->chain_from + replay->chains};
  return (Field){name, type, data, chains, row, true, mine};
}

#define ALIKE(name, type, data, n)                                                               \
  field[k++] = alike(part ? "snapshot/" name : "now/" name, type, data, n)
#define SPREAD(name, type, data, row)                                                            \
  field[k++] = spread(part ? "snapshot/" name : "now/" name, type, data, chains, row, replay)

static int learned_fields(Learned *learned, const Net *net, long chains, int part, Field *field) {
  int k = 0;
  Replay *replay = &learned->replay;
  ALIKE("w", FIELD_F32, learned->w, net->n_params);
  ALIKE("m", FIELD_F32, learned->m, net->n_params);
  ALIKE("v", FIELD_F32, learned->v, net->n_params);
  ALIKE("spectral", FIELD_F32, learned->s, net->n_spectral);
  ALIKE("exponent", FIELD_I32, learned->exponent, (size_t)net->n_tensors);
  ALIKE("code_mean", FIELD_F64, learned->code_mean, (size_t)shape_size(net_latent(net)));
  ALIKE("beta1_power", FIELD_F64, &learned->beta1_power, 1);
  ALIKE("beta2_power", FIELD_F64, &learned->beta2_power, 1);
  ALIKE("temperature", FIELD_F64, &learned->temperature, 1);
  ALIKE("log_t_m", FIELD_F64, &learned->log_t_m, 1);
  ALIKE("log_t_v", FIELD_F64, &learned->log_t_v, 1);
  ALIKE("z_step", FIELD_F64, &learned->z_step, 1);
  ALIKE("x_step", FIELD_F64, &learned->x_step, 1);
  ALIKE("z_move", FIELD_F64, &learned->z_move, 1);
  ALIKE("x_move", FIELD_F64, &learned->x_move, 1);
  if (!replay->slots) return k;
  SPREAD("replay_state", FIELD_F32, replay->state, replay->slots * replay->dim);
  SPREAD("replay_fill", FIELD_U8, replay->fill, 1);
  SPREAD("replay_next", FIELD_U8, replay->next, 1);
  SPREAD("replay_age", FIELD_U32, replay->age, replay->slots);
  return k;
}

static int best_fields(Best *best, const Net *net, Field *field) {
  int k = 0;
  field[k++] = alike("best/w", FIELD_F32, best->w, net->n_params);
  field[k++] = alike("best/spectral", FIELD_F32, best->s, net->n_spectral);
  field[k++] = alike("best/metric", FIELD_F64, &best->metric, 1);
  field[k++] = alike("best/temperature", FIELD_F64, &best->temperature, 1);
  field[k++] = alike("best/step", FIELD_I64, &best->step, 1);
  return k;
}

int state_fields(State *state, Field field[STATE_FIELDS]) {
  int k = learned_fields(&state->now, state->net, state->chains, 0, field);
  k += learned_fields(&state->snapshot, state->net, state->chains, 1, field + k);
  k += best_fields(&state->best, state->net, field + k);
  field[k++] = alike("phase", FIELD_I64, &state->at.phase, 1);
  field[k++] = alike("epoch", FIELD_I64, &state->at.epoch, 1);
  field[k++] = alike("batch", FIELD_I64, &state->at.batch, 1);
  field[k++] = alike("step", FIELD_I64, &state->at.step, 1);
  field[k++] = alike("phase_step", FIELD_I64, &state->at.phase_step, 1);
  field[k++] = alike("phase_over", FIELD_I64, &state->at.over, 1);
  field[k++] = alike("ae_epochs", FIELD_I64, &state->at.ae_epochs, 1);
  field[k++] = alike("bad_rows", FIELD_I64, &state->watch.bad_rows, 1);
  field[k++] = alike("rollbacks", FIELD_I64, &state->watch.rollbacks, 1);
  field[k++] = alike("misses", FIELD_I64, &state->watch.misses, 1);
  field[k++] = alike("rate_scale", FIELD_F64, &state->watch.rate_scale, 1);
  field[k++] = alike("gamma", FIELD_F64, &state->gamma, 1);
  field[k++] = alike("plus", FIELD_F64, &state->plus, 1);
  field[k++] = alike("row_plus", FIELD_F64, &state->row_plus, 1);
  field[k++] = alike("row_minus", FIELD_F64, &state->row_minus, 1);
  field[k++] = alike("minus_sum", FIELD_F64, &state->minus_sum, 1);
  field[k++] = alike("minus_steps", FIELD_I64, &state->minus_steps, 1);
  field[k++] = alike("log_bytes", FIELD_I64, &state->log_bytes, 1);
  return k;
}
