/* The table of objectives, and what they share: a thread's buffers and the reconstruction error of
 * a leaf. */
#include <string.h>

#include "base/mem.h"
#include "num/rows.h"
#include "obj/objective.h"

extern const Objective objective_ae, objective_sparse, objective_denoise, objective_vae,
    objective_nae, objective_mpdr, objective_wnae;
static const Objective *const table[] = {&objective_ae,  &objective_sparse, &objective_denoise,
                                         &objective_vae, &objective_nae,    &objective_mpdr,
                                         &objective_wnae};
enum { OBJECTIVES = sizeof table / sizeof *table };

const Objective *objective_at(int i) { return i >= 0 && i < OBJECTIVES ? table[i] : NULL; }

const Objective *objective_find(const char *name) {
  for (int i = 0; i < OBJECTIVES; i++)
    if (!strcmp(table[i]->name, name)) return table[i];
  return NULL;
}

/* Owns: the caller. (tiles) arrays of (n, L), in one piece. */
static float **tiles_new(int tiles, long n) {
  float **x = MEM_NEW(float *, "leaves", tiles);
  x[0] = MEM_NEW(float, "leaves", tiles *n *L);
  for (int t = 1; t < tiles; t++) x[t] = x[0] + t * n * L;
  return x;
}

static void tiles_free(float ***x) {
  mem_free(&(*x)[0]);
  mem_free(x);
}

LeafWork *leaf_work_new(const Net *net, const Weights *weights, const Distance *distance,
                        int tiles) {
  LeafWork *work = MEM_NEW(LeafWork, "leaves", 1);
  long dim = shape_size(net->input), latent = shape_size(net_latent(net));
  *work = (LeafWork){.net = net, .weights = weights, .distance = distance, .tiles = tiles};
  work->work = work_new(net, tiles);
  work->x = tiles_new(tiles, dim);
  work->y = tiles_new(tiles, dim);
  work->z = tiles_new(tiles, latent);
  work->dz = tiles_new(tiles, latent);
  work->h = tiles_new(tiles, 2 * latent);
  return work;
}

void leaf_work_add_dual(LeafWork *work) {
  long dim = shape_size(work->net->input);
  work->dual = dual_new(work->net, work->tiles);
  work->xt = tiles_new(work->tiles, dim);
  work->yt = tiles_new(work->tiles, dim);
  work->dxt = tiles_new(work->tiles, dim);
}

static void drop_dual(LeafWork *work) {
  if (!work->dual) return;
  dual_free(&work->dual);
  tiles_free(&work->xt);
  tiles_free(&work->yt);
  tiles_free(&work->dxt);
}

void leaf_work_free(LeafWork **work) {
  if (!*work) return;
  drop_dual(*work);
  work_free(&(*work)->work);
  tiles_free(&(*work)->x);
  tiles_free(&(*work)->y);
  tiles_free(&(*work)->z);
  tiles_free(&(*work)->dz);
  tiles_free(&(*work)->h);
  mem_free(work);
}

void leaf_error(LeafWork *work, const Leaf *leaf, int t) {
  double *e = leaf->energy[t];
  float *y = work->y[t], scale[L];
  work->distance->eval(e, y, y, leaf->target[t], work->net->input);
  for (int l = 0; l < L; l++)
    scale[l] = (float)((double)leaf->factor[t][l] * (leaf->linear + 2 * leaf->quadratic * e[l]));
  rows()->scale(y, scale, shape_size(net_output(work->net)));
}

void leaf_plain(LeafWork *work, const ObjectiveOpts *opts, const Leaf *leaf, float *dw) {
  const Net *net = work->net;
  for (int t = 0; t < leaf->tiles; t++) {
    net_forward(net, work->weights, work->work, t, 0, net->n_nodes, KEEP_ALL, work->y[t],
                leaf->x[t]);
    leaf_error(work, leaf, t);
  }
  net_gradient(net, work->weights, work->work, leaf->tiles, 0, net->n_nodes, dw, NULL, work->y);
}
