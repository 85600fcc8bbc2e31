#include <string.h>

#include "base/mem.h"
#include "net/net.h"

/* One thread's buffers. Chains and scores run between two buffers that take turns, so that they
 * stay in the cache. KEEP_ALL stores the input of each layer instead, for each tile; coming back,
 * its gradient takes the same place. A layer that moves nothing shares its input's place with the
 * next. A leaky activation, fused with the layer before it where that can be, is known from its
 * output and its signs alone: its own input's place stays empty, and the gradient that comes down
 * to its output waits in `spare`. */
struct Work {
  float *turn[2]; /* each (widest, L) */
  uint8_t *kept;  /* (n_kept) of a pass with KEEP_SIGNS */
  int tiles;
  size_t stored_size; /* floats of one tile in `stored` */
  size_t *place;      /* (n_nodes) of the input of each layer, inside one tile of `stored` */
  float *stored;      /* (tiles, stored_size) */
  size_t spare_size;  /* floats of one tile in `spare` */
  float *spare;       /* (tiles, widest, L) */
  uint8_t *kept_all;  /* (tiles, n_kept) */
  const float **x;    /* (tiles) inputs of the layer at hand, */
  float **dx, **dy;   /* (tiles) gradients of its inputs and outputs, */
  void **kept_of;     /* (tiles) and what it kept */
};

static bool moves(const Node *node) { return node->op->forward != NULL; }

static size_t row_floats(Shape s) { return (size_t)shape_size(s) * L; }

static void copy_rows(float *y, const float *x, Shape s) {
  memcpy(y, x, row_floats(s) * sizeof(float));
}

/* ---- buffers ---- */

static void make_places(const Net *net, Work *work) {
  work->place = MEM_NEW(size_t, "activations", net->n_nodes);
  for (int i = 0; i < net->n_nodes; i++) {
    if (i > 0 && !moves(&net->node[i - 1])) {
      work->place[i] = work->place[i - 1];
      continue;
    }
    work->place[i] = work->stored_size;
    work->stored_size += row_floats(net->node[i].in);
  }
}

Work *work_new(const Net *net, int tiles) {
  Work *work = MEM_NEW(Work, "activations", 1);
  for (int i = 0; i < 2; i++) work->turn[i] = MEM_NEW(float, "activations", net->widest *L);
  work->kept = MEM_NEW(uint8_t, "activations", net->n_kept);
  work->tiles = tiles;
  make_places(net, work);
  work->stored = MEM_NEW(float, "stored activations", (size_t)tiles * work->stored_size);
  work->spare_size = (size_t)net->widest * L;
  work->spare = MEM_NEW(float, "stored activations", (size_t)tiles * work->spare_size);
  work->kept_all = MEM_NEW(uint8_t, "stored activations", (size_t)tiles * net->n_kept);
  work->x = MEM_NEW(const float *, "activations", tiles);
  work->dx = MEM_NEW(float *, "activations", tiles);
  work->dy = MEM_NEW(float *, "activations", tiles);
  work->kept_of = MEM_NEW(void *, "activations", tiles);
  return work;
}

void work_free(Work **work) {
  if (!*work) return;
  for (int i = 0; i < 2; i++) mem_free(&(*work)->turn[i]);
  mem_free(&(*work)->kept);
  mem_free(&(*work)->place);
  mem_free(&(*work)->stored);
  mem_free(&(*work)->spare);
  mem_free(&(*work)->kept_all);
  mem_free(&(*work)->x);
  mem_free(&(*work)->dx);
  mem_free(&(*work)->dy);
  mem_free(&(*work)->kept_of);
  mem_free(work);
}

static float *stored_at(const Work *work, int tile, int node) {
  return work->stored + (size_t)tile * work->stored_size + work->place[node];
}

/* ---- one layer ---- */

static const float *weights_of(const Node *node, const Weights *weights) {
  return weights->w + node->w_offset;
}

static void *kept_of(const Node *node, uint8_t *kept) {
  return kept ? kept + node->kept_offset : NULL;
}

static void forward_one(const Node *node, const Weights *weights, float *y, uint8_t *kept,
                        const float *x, Finish finish) {
  node->op->forward(node, y, kept_of(node, kept), x, weights_of(node, weights),
                    weights->packed + node->packed_offset, finish);
}

static void backward_one(const Node *node, const Weights *weights, float *dx, const float *dy,
                         uint8_t *kept, Finish finish) {
  node->op->backward(node, dx, dy, kept_of(node, kept), weights_of(node, weights),
                     weights->packed + node->packed_offset, finish);
}

/* What a neighbour takes over from a leaky activation. */
static Finish finish_of(const Node *leaky, const Weights *weights, int kind, uint8_t *kept) {
  Finish finish = {.slope = leaky->op->leak(leaky, weights_of(leaky, weights)),
                   .sign = kept_of(leaky, kept)};
  finish.kind = kind;
  return finish;
}

/* ---- chains and scores ---- */

static void forward_chain(const Net *net, const Weights *weights, Work *work, int from, int to,
                          uint8_t *kept, float *y, const float *x) {
  while (to > from && !moves(&net->node[to - 1])) to--;
  if (from == to) copy_rows(y, x, net->node[to].in);
  for (int i = from, turn = 0; i < to; i++) {
    const Node *node = &net->node[i];
    if (!moves(node)) continue;
    Finish finish = {0};
    if (node->op->takes_finish && i + 1 < to && node[1].op->leak)
      finish = finish_of(&net->node[++i], weights, FINISH_LEAK, kept);
    float *out = i + 1 == to ? y : work->turn[turn];
    forward_one(node, weights, out, kept, x, finish);
    x = out, turn = !turn;
  }
}

void net_backward(const Net *net, const Weights *weights, Work *work, int from, int to, float *dx,
                  const float *dy) {
  while (from < to && !moves(&net->node[from])) from++;
  if (from == to) copy_rows(dx, dy, net->node[to - 1].out);
  for (int i = to - 1, turn = 0; i >= from; i--) {
    const Node *node = &net->node[i];
    if (!moves(node)) continue;
    Finish finish = {0};
    if (node->op->takes_finish && i > from && node[-1].op->leak)
      finish = finish_of(&net->node[--i], weights, FINISH_MASK, work->kept);
    float *out = i == from ? dx : work->turn[turn];
    backward_one(node, weights, out, dy, work->kept, finish);
    dy = out, turn = !turn;
  }
}

/* ---- everything kept ---- */

static void forward_stored(const Net *net, const Weights *weights, Work *work, int tile, int from,
                           int to, float *y, const float *x) {
  uint8_t *kept = work->kept_all + (size_t)tile * net->n_kept;
  if (x != stored_at(work, tile, from))
    copy_rows(stored_at(work, tile, from), x, net->node[from].in);
  for (int i = from; i < to; i++) {
    const Node *node = &net->node[i];
    const float *in = stored_at(work, tile, i);
    Finish finish = {0};
    if (node->op->takes_finish && i + 2 < to && node[1].op->leak)
      finish = finish_of(&net->node[++i], weights, FINISH_LEAK, kept);
    float *out = i + 1 == to ? y : stored_at(work, tile, i + 1);
    if (moves(node))
      forward_one(node, weights, out, kept, in, finish);
    else if (i + 1 == to)
      copy_rows(y, in, node->in);
  }
}

void net_forward(const Net *net, const Weights *weights, Work *work, int tile, int from, int to,
                 Keep keep, float *y, const float *x) {
  if (keep == KEEP_ALL)
    forward_stored(net, weights, work, tile, from, to, y, x);
  else
    forward_chain(net, weights, work, from, to, keep == KEEP_SIGNS ? work->kept : NULL, y, x);
}

static float *spare_at(const Work *work, int tile) {
  return work->spare + (size_t)tile * work->spare_size;
}

/* Whether the input of layer i of a range is the output of a leaky activation of the range. */
static bool follows_leaky(const Net *net, int from, int i) {
  while (i > from && !moves(&net->node[i - 1])) i--;
  return i > from && net->node[i - 1].op->leak;
}

/* Where the gradient to the input of layer i goes: on top of what is not needed any more. */
static float *gradient_at(const Net *net, const Work *work, int tile, int from, int to, int i) {
  if (net->node[i].op->leak && i + 1 < to) return stored_at(work, tile, i + 1);
  return follows_leaky(net, from, i) ? spare_at(work, tile) : stored_at(work, tile, i);
}

/* What the layer's gradient sees: its input, or for a leaky activation its output. That of the last
 * layer of a range went to the caller, and is made once more. */
static const float *seen_at(const Net *net, const Weights *weights, Work *work, int tile, int to,
                            int i) {
  const Node *node = &net->node[i];
  if (!node->op->leak) return stored_at(work, tile, i);
  if (i + 1 < to) return stored_at(work, tile, i + 1);
  forward_one(node, weights, spare_at(work, tile), work->kept_all + (size_t)tile * net->n_kept,
              stored_at(work, tile, i), (Finish){0});
  return spare_at(work, tile);
}

/* The layer's gradient and, unless dx is NULL, dx from work->dy; work->x is set. */
static void gradient_one(const Node *node, const Weights *weights, Work *work, int tiles,
                         size_t n_kept, float *dw, float *const *dx) {
  const Layer *op = node->op;
  const float *const *dy = (const float *const *)work->dy, *w = weights_of(node, weights);
  for (int t = 0; t < tiles; t++)
    work->kept_of[t] = kept_of(node, work->kept_all + (size_t)t * n_kept);
  if (op->gradient_backward) {
    op->gradient_backward(node, dw + node->w_offset, dx, work->x, dy, work->kept_of, tiles, w,
                          weights->packed + node->packed_offset);
    return;
  }
  if (op->gradient) op->gradient(node, dw + node->w_offset, work->x, dy, tiles, w);
  for (int t = 0; dx && t < tiles; t++)
    op->backward(node, dx[t], dy[t], work->kept_of[t], w, weights->packed + node->packed_offset,
                 (Finish){0});
}

void net_gradient(const Net *net, const Weights *weights, Work *work, int tiles, int from, int to,
                  float *dw, float *const *dx, float *const *dy) {
  for (int t = 0; t < tiles; t++) work->dy[t] = dy[t];
  for (int i = to - 1; i >= from; i--) {
    const Node *node = &net->node[i];
    bool wanted = i > from || dx;
    if (!moves(node)) continue;
    for (int t = 0; t < tiles; t++) {
      work->x[t] = seen_at(net, weights, work, t, to, i);
      work->dx[t] = i > from ? gradient_at(net, work, t, from, to, i) : dx ? dx[t] : NULL;
    }
    gradient_one(node, weights, work, tiles, net->n_kept, dw, wanted ? work->dx : NULL);
    for (int t = 0; t < tiles; t++) work->dy[t] = work->dx[t];
  }
  for (int t = 0; dx && t < tiles; t++)
    if (work->dy[t] != dx[t]) copy_rows(dx[t], work->dy[t], net->node[from].in);
}
