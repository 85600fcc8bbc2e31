#include "net/dual.h"

#include <string.h>

#include "base/mem.h"

/* The input of each layer and the network's output stay for all tiles, as values and as tangents;
 * a layer that moves nothing shares its place with the next. Gradients take turns between two
 * buffers. */
struct Dual {
  size_t *place; /* (n_nodes + 1) of a layer's input, then of the output, in one tile */
  size_t size;   /* floats of one tile's places, */
  size_t widest; /* of its widest activation */
  size_t n_kept;
  Node *linear;               /* (n_nodes) affine layers as tangents see them: no bias */
  float *x, *xt;              /* (tiles, size) */
  float *turn[2], *turn_t[2]; /* (tiles, widest) */
  uint8_t *kept, *kept_t;     /* (tiles, n_kept) */
  const float **at, **at_t;   /* (tiles) what the layer at hand sees; */
  const float **dy, **dyt;    /* (tiles) gradients to its outputs; */
  void **kept_of;             /* (tiles) what it kept */
};

static bool moves(const Node *node) { return node->op->forward != NULL; }

static size_t row_floats(Shape s) { return (size_t)shape_size(s) * L; }

static size_t out_floats(const Net *net) { return row_floats(net->node[net->n_nodes - 1].out); }

static void make_places(Dual *dual, const Net *net) {
  dual->place = MEM_NEW(size_t, "tangents", net->n_nodes + 1);
  dual->size = row_floats(net->input);
  for (int i = 0; i < net->n_nodes; i++) {
    dual->place[i + 1] = dual->place[i];
    if (!moves(&net->node[i])) continue;
    dual->place[i + 1] = dual->size;
    dual->size += row_floats(net->node[i].out);
  }
}

static void make_linear(Dual *dual, const Net *net) {
  dual->linear = MEM_NEW(Node, "tangents", net->n_nodes);
  for (int i = 0; i < net->n_nodes; i++) {
    int bias = layer_attr(net->node[i].op, "bias");
    dual->linear[i] = net->node[i];
    if (bias >= 0) dual->linear[i].attr[bias] = 0;
  }
}

Dual *dual_new(const Net *net, int tiles) {
  Dual *dual = MEM_NEW(Dual, "tangents", 1);
  make_places(dual, net);
  make_linear(dual, net);
  dual->widest = (size_t)net->widest * L;
  dual->n_kept = net->n_kept;
  dual->x = MEM_NEW(float, "tangents", (size_t)tiles * dual->size);
  dual->xt = MEM_NEW(float, "tangents", (size_t)tiles * dual->size);
  for (int i = 0; i < 2; i++) {
    dual->turn[i] = MEM_NEW(float, "tangents", (size_t)tiles * dual->widest);
    dual->turn_t[i] = MEM_NEW(float, "tangents", (size_t)tiles * dual->widest);
  }
  dual->kept = MEM_NEW(uint8_t, "tangents", (size_t)tiles * dual->n_kept);
  dual->kept_t = MEM_NEW(uint8_t, "tangents", (size_t)tiles * dual->n_kept);
  dual->at = MEM_NEW(const float *, "tangents", tiles);
  dual->at_t = MEM_NEW(const float *, "tangents", tiles);
  dual->dy = MEM_NEW(const float *, "tangents", tiles);
  dual->dyt = MEM_NEW(const float *, "tangents", tiles);
  dual->kept_of = MEM_NEW(void *, "tangents", tiles);
  return dual;
}

void dual_free(Dual **dual) {
  Dual *d = *dual;
  if (!d) return;
  mem_free(&d->place);
  mem_free(&d->linear);
  mem_free(&d->x);
  mem_free(&d->xt);
  for (int i = 0; i < 2; i++) {
    mem_free(&d->turn[i]);
    mem_free(&d->turn_t[i]);
  }
  mem_free(&d->kept);
  mem_free(&d->kept_t);
  mem_free(&d->at);
  mem_free(&d->at_t);
  mem_free(&d->dy);
  mem_free(&d->dyt);
  mem_free(&d->kept_of);
  mem_free(dual);
}

const Node *dual_refused(const Net *net) {
  for (int i = 0; i < net->n_nodes; i++) {
    const Layer *op = net->node[i].op;
    if (moves(&net->node[i]) && !op->forward_dual && op->jacobian == JACOBIAN_NONE)
      return &net->node[i];
  }
  return NULL;
}

/* ---- forward ---- */

static void forward_one(const Node *node, const Node *linear, const Weights *weights, float *y,
                        float *yt, void *kept, void *kept_t, const float *x, const float *xt) {
  const Layer *op = node->op;
  const float *w = weights->w + node->w_offset, *packed = weights->packed + node->packed_offset;
  if (op->forward_dual) {
    op->forward_dual(node, y, yt, kept, kept_t, x, xt, w, packed);
    return;
  }
  op->forward(node, y, kept, x, w, packed, (Finish){0});
  if (op->jacobian == JACOBIAN_SYMMETRIC)
    op->backward(node, yt, xt, kept, w, packed, (Finish){0});
  else
    op->forward(linear, yt, NULL, xt, w, packed, (Finish){0});
}

void dual_forward(const Net *net, const Weights *weights, Dual *dual, int tile, float *y,
                  float *yt, const float *x, const float *xt) {
  float *value = dual->x + (size_t)tile * dual->size;
  float *tangent = dual->xt + (size_t)tile * dual->size;
  size_t in_bytes = row_floats(net->input) * sizeof(float), end = dual->place[net->n_nodes];
  size_t out_bytes = out_floats(net) * sizeof(float);
  memcpy(value, x, in_bytes);
  memcpy(tangent, xt, in_bytes);
  for (int i = 0; i < net->n_nodes; i++) {
    const Node *node = &net->node[i];
    size_t in = dual->place[i], out = dual->place[i + 1];
    size_t kept = (size_t)tile * dual->n_kept + node->kept_offset;
    if (!moves(node)) continue;
    forward_one(node, &dual->linear[i], weights, value + out, tangent + out, dual->kept + kept,
                dual->kept_t + kept, value + in, tangent + in);
  }
  memcpy(y, value + end, out_bytes);
  memcpy(yt, tangent + end, out_bytes);
}

/* ---- back ---- */

/* Parameters: each factor of a product with the tangent of the other. A trained leaky slope sees
 * outputs, and is a product of the same kind. */
static void add_gradient(const Node *node, const Node *linear, const Weights *weights,
                         const Dual *dual, int tiles, float *dw) {
  const Layer *op = node->op;
  const float *w = weights->w + node->w_offset;
  float *at = dw + node->w_offset;
  if (op->gradient) {
    op->gradient(node, at, dual->at, dual->dyt, tiles, w);
    op->gradient(linear, at, dual->at_t, dual->dy, tiles, w);
  }
  if (op->gradient_backward) {
    op->gradient_backward(node, at, NULL, dual->at, dual->dyt, dual->kept_of, tiles, w, NULL);
    op->gradient_backward(linear, at, NULL, dual->at_t, dual->dy, dual->kept_of, tiles, w, NULL);
  }
}

/* Inputs of layer i: dxt, and dx unless nobody asks for it. They are what the layer before takes
 * as dyt and dy. */
static void back_one(const Net *net, const Weights *weights, Dual *dual, int i, int tile,
                     int turn, float *dw) {
  const Node *node = &net->node[i];
  const Layer *op = node->op;
  const float *w = weights->w + node->w_offset, *packed = weights->packed + node->packed_offset;
  const float *dy = dual->dy[tile], *dyt = dual->dyt[tile];
  const float *xt = dual->xt + (size_t)tile * dual->size + dual->place[i];
  float *dx = dual->turn[turn] + (size_t)tile * dual->widest;
  float *dxt = dual->turn_t[turn] + (size_t)tile * dual->widest;
  void *kept = dual->kept_of[tile];
  void *kept_t = dual->kept_t + (size_t)tile * dual->n_kept + node->kept_offset;
  dual->dy[tile] = dx;
  dual->dyt[tile] = dxt;
  if (op->backward_dual) {
    op->backward_dual(node, dw + node->w_offset, dx, dxt, dy, dyt, kept, kept_t, w, packed);
    return;
  }
  op->backward(node, dxt, dyt, kept, w, packed, (Finish){0});
  if (op->bend) op->bend(node, dxt, dy, xt, kept);
  if (i > 0) op->backward(node, dx, dy, kept, w, packed, (Finish){0});
}

static void set_tiles(const Net *net, Dual *dual, int tiles, int i) {
  const Node *node = &net->node[i];
  size_t seen = dual->place[node->op->leak ? i + 1 : i];
  for (int t = 0; t < tiles; t++) {
    dual->at[t] = dual->x + (size_t)t * dual->size + seen;
    dual->at_t[t] = dual->xt + (size_t)t * dual->size + seen;
    dual->kept_of[t] = dual->kept + (size_t)t * dual->n_kept + node->kept_offset;
  }
}

void dual_gradient(const Net *net, const Weights *weights, Dual *dual, int tiles, float *dw,
                   float *const *dxt, float *const *dy, float *const *dyt) {
  for (int t = 0; t < tiles; t++) {
    dual->dy[t] = dy[t];
    dual->dyt[t] = dyt[t];
  }
  for (int i = net->n_nodes - 1, turn = 0; i >= 0; i--) {
    const Node *node = &net->node[i];
    if (!moves(node)) continue;
    set_tiles(net, dual, tiles, i);
    if (!node->op->backward_dual) add_gradient(node, &dual->linear[i], weights, dual, tiles, dw);
    for (int t = 0; t < tiles; t++) back_one(net, weights, dual, i, t, turn, dw);
    turn = !turn;
  }
  size_t bytes = row_floats(net->input) * sizeof(float);
  for (int t = 0; t < tiles; t++) memcpy(dxt[t], dual->dyt[t], bytes);
}
