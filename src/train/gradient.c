/* The parameter passes: leaves of data and leaves of negatives, each summed in float in a fixed
 * order, rounded once to the grid, and added as integers over threads and ranks. */
#include <omp.h>
#include <string.h>

#include "data/dataset.h"
#include "train/step.h"
#include "train/temperature.h"

static uint64_t epoch_of(const Position *at) {
  return (uint64_t)at->epoch * PHASES + (uint64_t)at->phase;
}

Err batch_need(const Stepper *stepper, const Position *at) {
  long from = at->batch * stepper->plus.items;
  if (!stepper->input->stream) return OK;
  return stream_need(stepper->input->stream, epoch_of(at), from, from + stepper->plus.items);
}

void batch_rows(const Stepper *stepper, const Position *at, long tile, long row[L]) {
  const TrainInput *input = stepper->input;
  for (int l = 0; l < L; l++) {
    long position = at->batch * stepper->plus.items + tile * L + l;
    row[l] = (long)input->train.row[order_at(&input->order, epoch_of(at), position)];
  }
}

/* Run the objective on the leaf that the worker's arrays describe and add its gradient. */
static void add_leaf(Stepper *stepper, const State *state, Worker *worker, Leaf *leaf) {
  leaf->factor = (const float(*)[L])worker->factor;
  leaf->id = (const uint64_t(*)[L])worker->id;
  leaf->energy = worker->energy;
  leaf->code_mean = state->now.code_mean;
  leaf->code_sum = worker->code;
  leaf->penalty = worker->penalty;
  memset(worker->penalty, 0, (size_t)leaf->tiles * sizeof *worker->penalty);
  leaf->step = (uint32_t)state->at.step;
  leaf->seed = stepper->opts->seed;
  memset(worker->dw, 0, stepper->net->n_params * sizeof *worker->dw);
  stepper->objective[state->at.phase]->leaf(worker->leaf, &stepper->opts->obj, leaf, worker->dw);
  exact_add(&worker->sum, &stepper->grid, worker->dw);
}

static double lane_sum(const double e[L]) {
  double sum = 0;
  for (int l = 0; l < L; l++) sum += e[l];
  return sum;
}

/* sum over lanes of a b */
static double lane_dot(const double a[L], const double b[L]) {
  double product[L];
  for (int l = 0; l < L; l++) product[l] = a[l] * b[l];
  return lane_sum(product);
}

static double lane_share(const double e[L], const float factor[L]) {
  double share[L];
  for (int l = 0; l < L; l++) share[l] = (double)factor[l];
  return lane_dot(e, share);
}

static double lane_share_square(const double e[L], const float factor[L]) {
  double square[L];
  for (int l = 0; l < L; l++) square[l] = e[l] * e[l];
  return lane_share(square, factor);
}

static void plus_leaf(Stepper *stepper, const State *state, Worker *worker, long i) {
  const TrainInput *input = stepper->input;
  Range tiles = split_tiles(&stepper->plus, i);
  long size = shape_size(stepper->net->input) * L;
  Leaf leaf = {.tiles = (int)(tiles.to - tiles.from),
               .x = worker->x,
               .target = worker->view,
               .linear = stepper->linear_plus,
               .quadratic = stepper->quadratic_plus};
  for (int t = 0; t < leaf.tiles; t++) {
    long row[L];
    float weight[L];
    batch_rows(stepper, &state->at, tiles.from + t, row);
    dataset_tile(input->data, worker->x[t], weight, row);
    float *room = worker->target ? worker->target + t * size : NULL;
    worker->view[t] = dataset_target(input->data, room, worker->x[t], row);
    for (int l = 0; l < L; l++) {
      double share = (double)weight[l] * input->train.weight_scale / (double)stepper->plus.items;
      worker->factor[t][l] = (float)share;
      worker->id[t][l] = (uint64_t)row[l];
    }
  }
  add_leaf(stepper, state, worker, &leaf);
  for (int t = 0; t < leaf.tiles; t++) {
    packet_set(&stepper->packet, TILE_PLUS, tiles.from + t,
               lane_share(worker->energy[t], worker->factor[t]));
    double square = lane_share_square(worker->energy[t], worker->factor[t]);
    packet_set(&stepper->packet, TILE_PENALTY, tiles.from + t,
               worker->penalty[t] + leaf.quadratic * square);
  }
}

/* How the negatives of a leaf came about, and where they are pulled. */
static Track make_track(const Stepper *stepper, Worker *worker, const ChainOpts *chain, int tiles,
                        long tile) {
  for (int t = 0; t < tiles; t++) {
    worker->path[t] = stepper_path(stepper, tile + t);
    worker->pull[t] = stepper_pull(stepper, tile + t);
  }
  return (Track){.chain = chain, .path = worker->path, .pull = worker->pull};
}

static void minus_leaf(Stepper *stepper, const State *state, Worker *worker, long i) {
  Range tiles = split_tiles(&stepper->minus, i);
  Leaf leaf = {.tiles = (int)(tiles.to - tiles.from),
               .x = worker->view,
               .target = worker->view,
               .linear = stepper->linear_minus,
               .quadratic = state->gamma};
  for (int t = 0; t < leaf.tiles; t++) {
    worker->view[t] = stepper_negatives(stepper, tiles.from + t);
    for (int l = 0; l < L; l++) {
      worker->factor[t][l] = (float)(1 / (double)stepper->minus.items);
      worker->id[t][l] = (uint64_t)((tiles.from + t) * L + l);
    }
  }
  NegativeOpts chains;
  Track track;
  if (stepper->transport) {
    chains = negative_opts(stepper->opts, stepper->net, &state->now);
    track = make_track(stepper, worker, &chains.x, leaf.tiles, tiles.from);
    leaf.track = &track;
  }
  add_leaf(stepper, state, worker, &leaf);
  for (int t = 0; t < leaf.tiles; t++) {
    const double *e = worker->energy[t];
    packet_set(&stepper->packet, TILE_MINUS, tiles.from + t, lane_sum(e));
    packet_set(&stepper->packet, TILE_MINUS_SQUARE, tiles.from + t, lane_dot(e, e));
  }
}

/* Worker 0 sums in the rank's total; the others' sums are added, each thread making a range of
 * elements. */
static void merge(Stepper *stepper, int part) {
  Range range = range_of((long)stepper->net->n_params, part, stepper->threads);
  size_t from = (size_t)range.from, to = (size_t)range.to;
  for (int i = 1; i < stepper->threads; i++)
    exact_merge(&stepper->total, &stepper->worker[i].sum, &stepper->grid, from, to);
}

static void passes(Stepper *stepper, const State *state, bool negatives) {
  Range plus = stepper->plus.leaf_mine, minus = stepper->minus.leaf_mine;
  size_t latent = (size_t)shape_size(net_latent(stepper->net));
  long n_plus = plus.to - plus.from, n_minus = negatives ? minus.to - minus.from : 0;
#pragma omp parallel num_threads(stepper->threads)
  {
    isa_fp_control();
    Worker *worker = &stepper->worker[omp_get_thread_num()];
#pragma omp for schedule(static)
    for (int i = 0; i < stepper->threads; i++) {
      exact_clear(&stepper->worker[i].sum, &stepper->grid);
      memset(stepper->worker[i].code, 0, (latent + 1) * sizeof(int64_t));
    }
#pragma omp for schedule(dynamic, 1)
    for (long i = 0; i < n_minus + n_plus; i++) {
      if (i < n_minus)
        minus_leaf(stepper, state, worker, minus.from + i);
      else
        plus_leaf(stepper, state, worker, plus.from + i - n_minus);
    }
#pragma omp for schedule(static)
    for (int i = 0; i < stepper->threads; i++) merge(stepper, i);
  }
}

/* The workers' sums over codes into the packet. */
static void collect_codes(Stepper *stepper) {
  int64_t *code = packet_code(&stepper->packet);
  for (int i = 0; i < stepper->threads && stepper->packet.n_code > 0; i++)
    for (size_t k = 0; k <= stepper->packet.n_code; k++) code[k] += stepper->worker[i].code[k];
}

bool gradient_reduce(Stepper *stepper, State *state) {
  bool negatives = state->at.phase == PHASE_NAE;
  ExactVerdict verdict;
  exact_set_leaves(&stepper->grid,
                   stepper->plus.leaves + (negatives ? stepper->minus.leaves : 0));
  do {
    passes(stepper, state, negatives);
    comm_max_u32(stepper->comm, stepper->total.largest, (size_t)stepper->grid.tensors);
    verdict = exact_judge(&stepper->grid, &stepper->total, stepper->used);
  } while (verdict == EXACT_REDO);
  if (verdict == EXACT_NOT_FINITE) return false;
  collect_codes(stepper);
  comm_sum_i64(stepper->comm, stepper->packet.word, stepper->packet.n);
  return true;
}
