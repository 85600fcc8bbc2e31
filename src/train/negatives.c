/* The negative phase of a rank: each tile of chains on its own, threads taking tiles as they
 * come. */
#include <omp.h>
#include <string.h>

#include "data/dataset.h"
#include "train/step.h"
#include "train/temperature.h"

static void count_chain(int64_t *count, Count proposed, const ChainStats *stats) {
  count[proposed + 0] += stats->proposed;
  count[proposed + 1] += stats->accepted;
  count[proposed + 2] += stats->gradients;
  count[proposed + 3] += stats->clipped;
}

/* Integer sums over the states that chains c0 .. c0 + 15 have just put into their newest slots.
 */
static void count_spread(Worker *worker, const Replay *replay, long c0) {
  for (long c = c0 - replay->chain_from; c < c0 - replay->chain_from + L; c++) {
    long newest = (replay->next[c] + replay->slots - 1) % replay->slots;
    spread_add(worker->spread, (size_t)replay->dim,
               replay->state + (c * replay->slots + newest) * replay->dim);
  }
}

/* cd and recovery start chain c at datum c mod B. */
static void start_at_data(const Stepper *stepper, const Position *at, long tile, float *x) {
  long row[L];
  float weight[L];
  batch_rows(stepper, at, tile % stepper->plus.tiles, row);
  dataset_tile(stepper->input->data, x, weight, row);
}

static void one_tile(Stepper *stepper, State *state, Worker *worker, const NegativeOpts *opts,
                     long tile) {
  float *x = stepper_negatives(stepper, tile);
  NegativeOpts mine = *opts;
  NegativeStats stats;
  mine.x.path = stepper_path(stepper, tile);
  if (negative_at_data(opts->mode)) start_at_data(stepper, &state->at, tile, x);
  negative_tile(worker->negative, &mine, &state->now.replay, x, tile * L,
                (uint32_t)state->at.step, &stats);
  count_chain(worker->count, COUNT_Z_PROPOSED, &stats.z);
  count_chain(worker->count, COUNT_X_PROPOSED, &stats.x);
  worker->count[COUNT_VALUES] += stats.x.values;
  worker->count[COUNT_AT_BOUND] += stats.x.at_bound;
  if (negative_replays(opts->mode)) count_spread(worker, &state->now.replay, tile * L);
}

/* The tiles of the batch that this rank owns into the transport's. */
static void put_data(const Stepper *stepper, const Position *at) {
  Transport *transport = stepper->transport;
  long size = transport->dim * L;
  transport_clear(transport);
#pragma omp parallel for num_threads(stepper->threads) schedule(static)
  for (long tile = stepper->plus.tile_mine.from; tile < stepper->plus.tile_mine.to; tile++)
    start_at_data(stepper, at, tile, transport->to + tile * size);
}

bool negatives_transport(Stepper *stepper, const State *state) {
  put_data(stepper, &state->at);
  transport_share(stepper->transport);
  if (!transport_solve(stepper->transport, stepper->negatives)) return false;
  transport_pull(stepper->transport, stepper->pull, stepper->negatives);
  return true;
}

void negatives_run(Stepper *stepper, State *state) {
  NegativeOpts opts = negative_opts(stepper->opts, stepper->net, &state->now);
  if (opts.mode == NEG_RECOVERY)
    choose_manifold(&opts, &stepper->input->manifolds, (uint32_t)state->at.step);
#pragma omp parallel num_threads(stepper->threads)
  {
    isa_fp_control();
    Worker *worker = &stepper->worker[omp_get_thread_num()];
#pragma omp for schedule(dynamic, 1)
    for (long tile = stepper->minus.tile_mine.from; tile < stepper->minus.tile_mine.to; tile++)
      one_tile(stepper, state, worker, &opts, tile);
  }
}
