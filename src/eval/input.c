#include "eval/input.h"

#include "base/log.h"
#include "data/passing.h"
#include "data/standard.h"
#include "par/sweep.h"

static Err check_shape(const Model *model, const Dataset *data) {
  Shape want = model->input, found = data->shape;
  if (shape_equal(found, want)) return OK;
  return err_user("data.input: found samples of shape %d x %d x %d, want %d x %d x %d, what the "
                  "model was trained on",
                  found.c, found.h, found.w, want.c, want.h, want.w);
}

/* Samples that pass by need some room, too. */
static Err check_room(const Comm *comm, const Dataset *data, const DataOpts *opts, int threads) {
  if (!data->away) return OK;
  size_t most = (size_t)comm_node_size(comm) * passing_room(data, sweep_most(threads));
  double want = 1e-9 * (double)(data->bytes + most);
  if (want > opts->memory_gb)
    return err_user("data.memory_gb: found %.3g GB per node for %s, want at least %.3g: %.3g for "
                    "labels and weights of %ld rows, the rest for the samples at work, %ld of each "
                    "rank; raise it, or use fewer threads",
                    opts->memory_gb, data->away->source.path, 1.006 * want,
                    1e-9 * (double)data->bytes, data->rows, sweep_most(threads));
  log_note("%s: streamed, %ld samples of each rank in memory, %.3g GB per node",
           data->away->source.path, sweep_most(threads), want);
  return OK;
}

Err input_load(Dataset *data, const Comm *comm, const DataOpts *opts, const Model *model,
               int threads, const char *what) {
  DataOpts in_order = *opts;
  in_order.stay = STAY_PASSING;
  TRY(dataset_load(data, comm, &in_order, what));
  Err e = check_shape(model, data);
  if (!e) e = check_room(comm, data, opts, threads);
  if (e)
    dataset_free(data);
  else if (model->mean)
    standard_apply(data, comm, model->mean, model->scale);
  return e;
}
