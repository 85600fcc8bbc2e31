#include "train/worker.h"

#include "base/mem.h"

static void worker_make(Worker *worker, const Net *net, const Weights *weights,
                        const Distance *distance, ExactSum sum, int tiles, bool contrastive,
                        bool paired, size_t n_spread, const Manifolds *manifolds) {
  long size = shape_size(net->input) * L;
  worker->leaf = leaf_work_new(net, weights, distance, tiles);
  worker->recon = recon_new(net, weights, distance);
  if (contrastive)
    worker->negative = negative_new(net, weights, distance, manifolds->n ? manifolds : NULL);
  worker->sum = sum;
  worker->dw = MEM_NEW(float, "gradients", net->n_params);
  worker->x = MEM_NEW(float *, "batch", tiles);
  worker->x[0] = MEM_NEW(float, "batch", tiles *size);
  for (int t = 1; t < tiles; t++) worker->x[t] = worker->x[0] + t * size;
  if (paired) worker->target = MEM_NEW(float, "batch", tiles *size);
  worker->view = MEM_NEW(float *, "batch", tiles);
  worker->path = MEM_NEW(float *, "batch", tiles);
  worker->pull = MEM_NEW(float *, "batch", tiles);
  worker->factor = mem_new("batch", (size_t)tiles, sizeof *worker->factor);
  worker->id = mem_new("batch", (size_t)tiles, sizeof *worker->id);
  worker->energy = mem_new("batch", (size_t)tiles, sizeof *worker->energy);
  worker->spread = MEM_NEW(int64_t, "batch", n_spread + 1);
  worker->code = MEM_NEW(int64_t, "batch", shape_size(net_latent(net)) + 1);
  worker->penalty = MEM_NEW(double, "batch", tiles);
}

Worker *workers_new(const Net *net, const Weights *weights, const Distance *distance,
                    const ExactGrid *grid, ExactSum total, int threads, int tiles,
                    bool contrastive, bool paired, size_t n_spread, const Manifolds *manifolds) {
  Worker *worker = MEM_NEW(Worker, "threads", threads);
  for (int i = 0; i < threads; i++)
    worker_make(&worker[i], net, weights, distance, i ? exact_new(grid) : total, tiles,
                contrastive, paired, n_spread, manifolds);
  return worker;
}

static void worker_drop(Worker *worker, bool contrastive) {
  leaf_work_free(&worker->leaf);
  recon_free(&worker->recon);
  if (contrastive) negative_free(&worker->negative);
  mem_free(&worker->dw);
  mem_free(&worker->x[0]);
  mem_free(&worker->x);
  mem_free(&worker->target);
  mem_free(&worker->view);
  mem_free(&worker->path);
  mem_free(&worker->pull);
  mem_free(&worker->factor);
  mem_free(&worker->id);
  mem_free(&worker->energy);
  mem_free(&worker->spread);
  mem_free(&worker->code);
  mem_free(&worker->penalty);
}

void workers_free(Worker **worker, int threads, bool contrastive) {
  if (!*worker) return;
  for (int i = 0; i < threads; i++) {
    worker_drop(&(*worker)[i], contrastive);
    if (i > 0) exact_free(&(*worker)[i].sum);
  }
  mem_free(worker);
}
