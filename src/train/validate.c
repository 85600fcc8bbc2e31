#include "train/validate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/dataset.h"
#include "par/sweep.h"

enum { EXPLAINED_ROWS = 256 };

/* The rows that stand for the normal class: held-out ones, else those trained on. */
static const Subset *normal_rows(const TrainInput *input) {
  return input->valid.n > 0 ? &input->valid : &input->train;
}

static const Dataset *normal_data(const TrainInput *input) {
  return input->valid.n > 0 ? input->valid_data : input->data;
}

/* weight (n): those of the data set, else 1. */
static void read_weights(double *weight, const Dataset *data, const Subset *subset) {
  for (long i = 0; i < subset->n; i++)
    weight[i] = data->has_weight ? (double)data->weight[subset->row[i]] : 1;
}

long wasserstein_samples(const TrainOpts *opts, long valid) {
  bool asked = opts->wasserstein || opts->select == SELECT_WASSERSTEIN;
  long n = valid < opts->chain.chains ? valid : opts->chain.chains;
  return asked && objective_find(opts->objective)->contrastive ? n / L * L : 0;
}

/* The chains that this rank owns among the first n. */
static Transport *make_transport(const Stepper *s, long n) {
  Range own = s->minus.tile_mine;
  if (own.to > n / L) own.to = n / L;
  if (own.from > own.to) own.from = own.to;
  return n ? transport_new(s->comm, n, shape_size(s->net->input), own, s->threads) : NULL;
}

Validator *validator_new(Stepper *stepper) {
  Validator *v = MEM_NEW(Validator, "validation", 1);
  *v = (Validator){.stepper = stepper,
                   .n_valid = normal_rows(stepper->input)->n,
                   .n_signal = stepper->input->signal.n};
  long tiles = tile_count(v->n_valid) + tile_count(v->n_signal);
  v->energy = MEM_NEW(double, "validation", tiles *L);
  v->value = MEM_NEW(double, "validation", v->n_valid + v->n_signal);
  v->weight = MEM_NEW(double, "validation", v->n_valid + v->n_signal);
  v->order = MEM_NEW(long, "validation", v->n_valid + v->n_signal);
  v->moments = MEM_NEW(double, "validation", 2 * shape_size(stepper->net->input));
  v->reconstruction = MEM_NEW(float, "validation", shape_size(stepper->net->input) * L);
  read_weights(v->weight, normal_data(stepper->input), normal_rows(stepper->input));
  read_weights(v->weight + v->n_valid, stepper->input->valid_data, &stepper->input->signal);
  v->transport = make_transport(stepper, wasserstein_samples(stepper->opts, v->n_valid));
  return v;
}

void validator_free(Validator **validator) {
  if (!*validator) return;
  mem_free(&(*validator)->energy);
  mem_free(&(*validator)->value);
  mem_free(&(*validator)->weight);
  mem_free(&(*validator)->order);
  mem_free(&(*validator)->moments);
  mem_free(&(*validator)->reconstruction);
  transport_free(&(*validator)->transport);
  mem_free(validator);
}

void worker_energy(Worker *worker, const Dataset *data, const long row[L], double e[L]) {
  float weight[L];
  dataset_tile(data, worker->x[0], weight, row);
  float *target = dataset_target(data, worker->target, worker->x[0], row);
  recon_error(worker->recon, e, worker->x[0], target);
}

/* Tile t of a subset; lanes past its end repeat lane 0. */
static void tile_energy(Worker *worker, const Dataset *data, const Subset *subset, long t,
                        double e[L]) {
  long row[L];
  for (int l = 0; l < L; l++) row[l] = t * L + l < subset->n ? (long)subset->row[t * L + l] : -1;
  worker_energy(worker, data, row, e);
}

/* Tiles of normal samples, then of signal; lanes past a subset's end are there, and not read. */
static void tile_of_both(void *self, int thread, void *record, long first, int n) {
  Validator *v = self;
  const TrainInput *input = v->stepper->input;
  long t = first / L, normal = tile_count(v->n_valid);
  Worker *worker = &v->stepper->worker[thread];
  if (t < normal)
    tile_energy(worker, normal_data(input), normal_rows(input), t, record);
  else
    tile_energy(worker, input->valid_data, &input->signal, t - normal, record);
}

/* All energies of normal and signal samples, each by one rank and one thread, on every rank. */
static void energies(Validator *v) {
  const Stepper *s = v->stepper;
  long all = tile_count(v->n_valid) + tile_count(v->n_signal);
  Range mine = range_of(all, comm_rank(s->comm), comm_size(s->comm));
  Sweep sweep = {.items = all * L,
                 .size = sizeof(double),
                 .threads = s->threads,
                 .self = v,
                 .tile = tile_of_both};
  memset(v->energy, 0, (size_t)(all * L) * sizeof *v->energy);
  sweep_tiles(&sweep, v->energy + mine.from * L, mine);
  comm_join(s->comm, v->energy, (size_t)(all * L) * sizeof *v->energy);
}

static double mean_energy(const Validator *v) {
  double sum = 0, weights = 0;
  for (long i = 0; i < v->n_valid; i++) {
    sum += v->weight[i] * v->energy[i];
    weights += v->weight[i];
  }
  return sum / weights;
}

static int by_value(const void *left, const void *right, void *values) {
  const double *value = values;
  long i = *(const long *)left, k = *(const long *)right;
  if (value[i] < value[k]) return -1;
  if (value[i] > value[k]) return 1;
  return (i > k) - (i < k);
}

/* The numbers among n values, sorted; returns how many. */
static long sort_numbers(const double *value, long n, long *order) {
  long numbers = 0;
  for (long i = 0; i < n; i++)
    if (!isnan(value[i])) order[numbers++] = i;
  qsort_r(order, (size_t)numbers, sizeof *order, by_value, (void *)value);
  return numbers;
}

double auc_of(const double *value, const double *weight, long n_normal, long n_signal,
              long *order) {
  long n = sort_numbers(value, n_normal + n_signal, order);
  double twice = 0, normal = 0, signal = 0; /* 2 wins + ties; weights so far */
  for (long i = 0; i < n;) {
    double tied[2] = {0, 0}, here = value[order[i]];
    for (; i < n && value[order[i]] == here; i++) tied[order[i] >= n_normal] += weight[order[i]];
    twice += tied[1] * (2 * normal + tied[0]);
    normal += tied[0];
    signal += tied[1];
  }
  return normal > 0 && signal > 0 ? twice / (2 * normal * signal) : NAN;
}

static double auc(Validator *v) {
  const double *signal = v->energy + tile_count(v->n_valid) * L;
  for (long i = 0; i < v->n_valid; i++) v->value[i] = v->energy[i];
  for (long i = 0; i < v->n_signal; i++) v->value[v->n_valid + i] = signal[i];
  return auc_of(v->value, v->weight, v->n_valid, v->n_signal, v->order);
}

/* Each rank fills its share of the tiles of held-out samples. */
static double wasserstein(const Validator *v) {
  const Stepper *s = v->stepper;
  Transport *t = v->transport;
  Range mine = range_of(t->n / L, comm_rank(s->comm), comm_size(s->comm));
  transport_clear(t);
  for (long tile = mine.from; tile < mine.to; tile++) {
    long row[L];
    float weight[L];
    for (int l = 0; l < L; l++) row[l] = (long)normal_rows(s->input)->row[tile * L + l];
    dataset_tile(normal_data(s->input), t->to + tile * t->dim * L, weight, row);
  }
  transport_share(t);
  return transport_solve(t, s->negatives) ? t->distance : NAN;
}

/* The steps since the phase began have left negatives. */
static bool has_negatives(const State *state) {
  return state->at.phase == PHASE_NAE && state->at.phase_step > 0;
}

/* Add a tile's sums over its rows, of each feature: x and x^2; returns the sum of (x - y)^2. */
static double add_moments(double *sum, double *square, const float *x, const float *y, long n,
                          int lanes) {
  double lost = 0;
  for (long i = 0; i < n; i++)
    for (int l = 0; l < lanes; l++) {
      double value = (double)x[i * L + l], miss = value - (double)y[i * L + l];
      sum[i] += value;
      square[i] += value * value;
      lost += miss * miss;
    }
  return lost;
}

/* By the same few rows on every rank. */
static double explained(Validator *v) {
  const Stepper *s = v->stepper;
  const Subset *rows = normal_rows(s->input);
  Worker *worker = &s->worker[0];
  long dim = shape_size(s->net->input), n = rows->n < EXPLAINED_ROWS ? rows->n : EXPLAINED_ROWS;
  double lost = 0, variance = 0, *sum = v->moments, *square = v->moments + dim;
  if (!s->distance->squared) return NAN;
  memset(v->moments, 0, (size_t)(2 * dim) * sizeof *v->moments);
  for (long first = 0; first < n; first += L) {
    long row[L];
    float weight[L];
    int lanes = n - first < L ? (int)(n - first) : L;
    for (int l = 0; l < L; l++) row[l] = l < lanes ? (long)rows->row[first + l] : -1;
    dataset_tile(normal_data(s->input), worker->x[0], weight, row);
    recon_reconstruct(worker->recon, v->reconstruction, worker->x[0]);
    lost += add_moments(sum, square, worker->x[0], v->reconstruction, dim, lanes);
  }
  for (long i = 0; i < dim; i++) variance += square[i] - sum[i] * sum[i] / (double)n;
  return variance > 0 ? 1 - lost / variance : NAN;
}

Validation validate(Validator *v, const State *state) {
  energies(v);
  Validation out = {.plus = mean_energy(v),
                    .auc = v->n_signal > 0 ? auc(v) : NAN,
                    .wasserstein = v->transport && has_negatives(state) ? wasserstein(v) : NAN,
                    .explained = explained(v)};
  return out;
}

bool chains_at_data(const TrainOpts *opts) {
  const Objective *objective = objective_find(opts->objective);
  return objective->contrastive &&
         (objective->through_chain || negative_at_data(opts->chain.mode));
}

bool gap_tells(const TrainOpts *opts) {
  return opts->chain.temperature_mode == T_FIXED && !chains_at_data(opts) &&
         !distance_find(opts->energy)->scalar;
}

SelectBy select_rule(const TrainOpts *opts, Phase phase) {
  bool of_both = opts->select == SELECT_LOSS || opts->select == SELECT_AUC;
  if (of_both || opts->select == SELECT_LAST) return opts->select;
  if (phase == PHASE_AE) return SELECT_LOSS;
  if (opts->select == SELECT_WASSERSTEIN) return SELECT_WASSERSTEIN;
  return opts->select == SELECT_GAP || gap_tells(opts) ? SELECT_GAP : SELECT_LAST;
}

double select_metric(const TrainOpts *opts, Phase phase, const Validation *validation,
                     double minus) {
  SelectBy rule = select_rule(opts, phase);
  if (rule == SELECT_AUC) return -validation->auc;
  if (rule == SELECT_WASSERSTEIN) return validation->wasserstein;
  return rule == SELECT_GAP ? fabs(validation->plus - minus) : validation->plus;
}
