#include "eval/crew.h"

#include "base/mem.h"
#include "par/sweep.h"

/* Owns: the caller. (threads) tiles (n, L) */
static float **tiles_new(int threads, long n) {
  float **tile = MEM_NEW(float *, "tiles at work", threads);
  for (int t = 0; t < threads; t++) tile[t] = MEM_NEW(float, "tiles at work", n *L);
  return tile;
}

static void tiles_free(float ***tile, int threads) {
  for (int t = 0; t < threads; t++) mem_free(&(*tile)[t]);
  mem_free(tile);
}

void crew_init(Crew *crew, const Model *model, int threads) {
  const Net *net = model->net;
  long dim = shape_size(net->input);
  *crew = (Crew){.model = model, .threads = threads, .weights = weights_new(net)};
  weights_make(&crew->weights, net, model->w, NULL);
  crew->recon = MEM_NEW(Recon *, "tiles at work", threads);
  for (int t = 0; t < threads; t++)
    crew->recon[t] = recon_new(net, &crew->weights, distance_find(model->energy));
  crew->x = tiles_new(threads, dim);
  crew->target = tiles_new(threads, dim);
  crew->y = tiles_new(threads, dim);
  crew->z = tiles_new(threads, shape_size(net_latent(net)));
}

void crew_init_rows(Crew *crew, const Model *model, const RowsAsked *asked) {
  crew_init(crew, model, asked->threads);
  passing_init(&crew->rows, asked->data, sweep_most(asked->threads));
  crew->from = asked->rows.from;
}

Err crew_show(Crew *crew, Range items) {
  Range rows = {crew->from + items.from, crew->from + items.to};
  return passing_show(&crew->rows, rows, crew->threads);
}

void crew_free(Crew *crew) {
  passing_free(&crew->rows);
  for (int t = 0; t < crew->threads; t++) recon_free(&crew->recon[t]);
  mem_free(&crew->recon);
  tiles_free(&crew->x, crew->threads);
  tiles_free(&crew->target, crew->threads);
  tiles_free(&crew->y, crew->threads);
  tiles_free(&crew->z, crew->threads);
  weights_free(&crew->weights);
}

float *crew_fetch(const Crew *crew, int thread, long row, int n) {
  const Dataset *data = &crew->rows.now;
  long rows[L];
  float weight[L];
  for (int l = 0; l < L; l++) rows[l] = l < n ? row + l : -1;
  dataset_tile(data, crew->x[thread], weight, rows);
  return dataset_target(data, crew->target[thread], crew->x[thread], rows);
}

void crew_restore(const Crew *crew, float *x) {
  const Model *model = crew->model;
  long dim = shape_size(model->input);
  for (long i = 0; model->mean && i < dim * L; i++)
    x[i] = (float)((double)x[i] * (double)model->scale[i / L] + (double)model->mean[i / L]);
}

void crew_store(void *record, size_t size, size_t at, const float *tile, long dim, int n) {
  for (int l = 0; l < n; l++) {
    float *to = (float *)((char *)record + (size_t)l * size + at);
    for (long i = 0; i < dim; i++) to[i] = tile[i * L + l];
  }
}
