/* The slots of a recurrent layer, to be included once and last in its file, below its `cell`: a
 * constant there, so that the compiler builds the cell into the walk along the sequence. */
#ifndef NET_RECURRENT_SLOTS_H
#define NET_RECURRENT_SLOTS_H

#include "net/recurrent.h"

static const Attr attrs[] = {RECURRENT_ATTRS};

static Err shape(Node *node) { return recurrent_shape(node, cell.gates); }

static size_t packed_size(const Node *node) {
  Recurrent r = recurrent_of(node, cell);
  return recurrent_packed_size(&r);
}

static void pack(const Node *node, float *packed, const float *w) {
  Recurrent r = recurrent_of(node, cell);
  recurrent_pack(&r, packed, w);
}

static size_t kept_size(const Node *node) {
  Recurrent r = recurrent_of(node, cell);
  return recurrent_kept_size(&r);
}

static void forward(const Node *node, float *y, void *kept, const float *x, const float *w,
                    const float *packed, Finish finish) {
  recurrent_forward(node, cell, y, NULL, kept, NULL, x, NULL, packed);
}

/* What was kept loses its const, for it is written only where the gradients are stored. */
static void backward(const Node *node, float *dx, const float *dy, const void *kept,
                     const float *w, const float *packed, Finish finish) {
  recurrent_backward(node, cell, dx, NULL, dy, NULL, (void *)kept, NULL, packed, false);
}

static void gradient_backward(const Node *node, float *dw, float *const *dx,
                              const float *const *x, const float *const *dy, void *const *kept,
                              int tiles, const float *w, const float *packed) {
  Recurrent r = recurrent_of(node, cell);
  for (int t = 0; t < tiles; t++) {
    recurrent_backward(node, cell, dx ? dx[t] : NULL, NULL, dy[t], NULL, kept[t], NULL, packed,
                       true);
    recurrent_gradient(&r, dw, kept[t], kept[t], true);
  }
}

static void forward_dual(const Node *node, float *y, float *yt, void *kept, void *kept_t,
                         const float *x, const float *xt, const float *w, const float *packed) {
  recurrent_forward(node, cell, y, yt, kept, kept_t, x, xt, packed);
}

static void backward_dual(const Node *node, float *dw, float *dx, float *dxt, const float *dy,
                          const float *dyt, void *kept, void *kept_t, const float *w,
                          const float *packed) {
  Recurrent r = recurrent_of(node, cell);
  recurrent_backward(node, cell, dx, dxt, dy, dyt, kept, kept_t, packed, true);
  recurrent_gradient(&r, dw, kept_t, kept, true);
  recurrent_gradient(&r, dw, kept, kept_t, false);
}

#define RECURRENT_LAYER(type, text)                                                              \
  const Layer PER_ISA(layer_##type) = {.name = #type,                                            \
                                       .help = text,                                             \
                                       .attrs = attrs,                                           \
                                       .shape = shape,                                           \
                                       .packed_size = packed_size,                               \
                                       .pack = pack,                                             \
                                       .kept_size = kept_size,                                   \
                                       .forward = forward,                                       \
                                       .backward = backward,                                     \
                                       .gradient_backward = gradient_backward,                   \
                                       .forward_dual = forward_dual,                             \
                                       .backward_dual = backward_dual,                           \
                                       .points = recurrent_points}

#endif
