/* The table of objectives, and what they share: a thread's buffers and the gradient of a leaf. */
#include <string.h>

#include "base/mem.h"
#include "num/rows.h"
#include "obj/objective.h"

extern const Objective objective_ae, objective_sparse, objective_nae;
static const Objective *const table[] = {&objective_ae, &objective_sparse, &objective_nae};
enum { OBJECTIVES = sizeof table / sizeof *table };

const Objective *objective_at(int i) { return i >= 0 && i < OBJECTIVES ? table[i] : NULL; }

const Objective *objective_find(const char *name) {
  for (int i = 0; i < OBJECTIVES; i++)
    if (!strcmp(table[i]->name, name)) return table[i];
  return NULL;
}

/* Owns: the caller. (tiles) arrays of `size` floats, in one piece. */
static float **tiles_new(int tiles, long size) {
  float **x = MEM_NEW(float *, "leaves", tiles);
  x[0] = MEM_NEW(float, "leaves", tiles *size);
  for (int t = 1; t < tiles; t++) x[t] = x[0] + t * size;
  return x;
}

static void tiles_free(float ***x) {
  mem_free(&(*x)[0]);
  mem_free(x);
}

LeafWork *leaf_work_new(const Net *net, const Weights *weights, int tiles) {
  LeafWork *work = MEM_NEW(LeafWork, "leaves", 1);
  *work = (LeafWork){.net = net, .weights = weights, .tiles = tiles};
  work->work = work_new(net, tiles);
  work->y = tiles_new(tiles, shape_size(net->input) * L);
  work->dz = tiles_new(tiles, shape_size(net_latent(net)) * L);
  return work;
}

void leaf_work_free(LeafWork **work) {
  if (!*work) return;
  work_free(&(*work)->work);
  tiles_free(&(*work)->y);
  tiles_free(&(*work)->dz);
  mem_free(work);
}

/* Energies of tile t, and y = the loss's gradient to the reconstruction:
 * factor (linear + 2 quadratic E) 2 r / dim. */
static void tile_pass(LeafWork *work, const Leaf *leaf, int t) {
  const Net *net = work->net;
  long dim = shape_size(net->input);
  double *e = leaf->energy[t];
  float scale[L];
  net_forward(net, work->weights, work->work, t, 0, net->n_nodes, KEEP_ALL, work->y[t],
              leaf->x[t]);
  rows()->residual(e, work->y[t], work->y[t], leaf->x[t], dim);
  for (int l = 0; l < L; l++) {
    e[l] /= (double)dim;
    double slope = leaf->linear + 2 * leaf->quadratic * e[l];
    scale[l] = (float)((double)leaf->factor[t][l] * slope * 2 / (double)dim);
  }
  rows()->scale(work->y[t], scale, dim);
}

/* dz = factor l1 sign(z), the gradient of factor l1 |z|_1. */
static void code_penalty(LeafWork *work, const Leaf *leaf, int t, double l1) {
  const float *z = net_code(work->net, work->work, t);
  long latent = shape_size(net_latent(work->net));
  for (long i = 0; i < latent * L; i++) {
    float slope = (float)((double)leaf->factor[t][i % L] * l1);
    work->dz[t][i] = z[i] > 0 ? slope : z[i] < 0 ? -slope : 0;
  }
}

void objective_recon_leaf(LeafWork *work, double code_l1, const Leaf *leaf, float *dw) {
  for (int t = 0; t < leaf->tiles; t++) tile_pass(work, leaf, t);
  if (code_l1 > 0)
    for (int t = 0; t < leaf->tiles; t++) code_penalty(work, leaf, t, code_l1);
  net_gradient(work->net, work->weights, work->work, leaf->tiles, dw, work->y,
               code_l1 > 0 ? (const float *const *)work->dz : NULL);
}
