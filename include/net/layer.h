/* A layer: shape rule, parameters, and arithmetic on one tile. One file each,
 * src/net/layer_<name>.c, compiled once per ISA; it exports one `const Layer`, and
 * src/net/layers.c lists them: adding a layer is one file and one table line.
 *
 * Arrays are tiles, x (in, L) and y (out, L), batch-innermost. Weights are w, all tensors of the
 * layer one after another in the order of node->tensor; a layer with a weight matrix sees it
 * already divided by sigma where spectral normalisation is on. `packed` is the layer's own
 * arrangement of the weights for speed, remade once per optimizer step and shared by all threads.
 *
 * What a forward pass keeps is an argument: `kept` is NULL when nothing will come back (scores),
 * else it takes what `backward` needs: the signs of an activation, the winners of a pooling.
 * Linear layers keep nothing. `gradient` sees the stored inputs x and needs no kept.
 *
 * A sequence or a set of points is an image of one row: features are its channels, points its
 * columns, and a point whose features are all zero is absent. Layers that heed this say so
 * (`points`), and the network sees to it that they stand where absent points are still zero.
 *
 * Finish: a layer with takes_finish (linear layers, pooling, upsampling) may take over the leaky
 * activation that follows it (forward) or that precedes it (backward), so that a row is finished
 * before it is stored. It gives the same bits as the two layers one after the other. */
#ifndef NET_LAYER_H
#define NET_LAYER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "num/isa.h"
#include "num/shape.h"
#include "num/tile.h"

enum { LAYER_ATTRS = 8, LAYER_TENSORS = 8 };

/* One attribute of a layer as the configuration and the files name it. */
typedef enum AttrKind { ATTR_INT, ATTR_REAL, ATTR_BOOL, ATTR_CHOICE } AttrKind;
typedef struct Attr {
  const char *name;
  AttrKind kind;
  bool required;
  double fallback, min, max;  /* value when not given; allowed range, both ends included */
  const char *const *choices; /* ATTR_CHOICE: names, NULL-terminated; the value is the index */
  const char *help;
} Attr;

/* One parameter tensor. */
typedef struct Tensor {
  const char *name; /* "weight", "bias", "slope" */
  int dims[4], n_dims;
  size_t size;
  double bound; /* initial values: uniform in +-bound, or, when 0, the constant `value` */
  double value;
  int spectral_axis; /* the axis of the outputs (dense, conv 0; transposed conv 1) when this
                        weight is divided by its largest singular value; -1: it is not */
} Tensor;

typedef struct Layer Layer;

/* A layer in its place in a network. */
typedef struct Node {
  const Layer *op;
  double attr[LAYER_ATTRS]; /* in the order of op->attrs */
  Shape in, out;
  int n_tensors;
  Tensor tensor[LAYER_TENSORS];
  /* Filled by the network: */
  char name[32];        /* "encoder.3" */
  size_t w_offset;      /* floats into the parameter vector */
  size_t packed_offset; /* floats into the packed weights */
  size_t kept_offset;   /* bytes into what one tile keeps */
} Node;

/* What happens to a row before it is stored.
 * FINISH_LEAK: v = v > 0 ? v : slope v, and the sign (1: above 0) goes to sign[site] if not NULL.
 * FINISH_MASK: v = sign[site] ? v : slope v (the way back). */
typedef struct Finish {
  enum { FINISH_NONE, FINISH_LEAK, FINISH_MASK } kind;
  float slope;
  uint16_t *sign; /* (out sites) going forward, (in sites) coming back: one bit per lane */
} Finish;

/* What a layer makes of absent points. */
enum { POINTS_READ = 1, POINTS_LEAVE = 2 };

struct Layer {
  const char *name, *help;
  const Attr *attrs; /* ended by a NULL name; NULL: none */

  /* From in and attr: out and the tensors. Errors: says what does not fit; the caller adds which
   * layer. */
  Err (*shape)(Node *node);

  /* Floats of packed weights; NULL: none. */
  size_t (*packed_size)(const Node *node);
  void (*pack)(const Node *node, float *packed, const float *w);

  /* Bytes that one tile keeps for backward, a multiple of 64; NULL: none. A leaky activation
   * keeps its signs and nothing else: uint16_t (sites). */
  size_t (*kept_size)(const Node *node);

  /* NULL for both of forward and backward: the layer moves nothing, y is x (reshape). */
  void (*forward)(const Node *node, float *y, void *kept, const float *x, const float *w,
                  const float *packed, Finish finish);
  /* dx from dy. Overwrites dx. */
  void (*backward)(const Node *node, float *dx, const float *dy, const void *kept, const float *w,
                   const float *packed, Finish finish);
  /* dw += the sum over a leaf's tiles of the gradient to the parameters, tile after tile in a
   * fixed order, lanes 0..15 in a fixed order. x, dy: (tiles) arrays. NULL: no parameters. */
  void (*gradient)(const Node *node, float *dw, const float *const *x, const float *const *dy,
                   int tiles, const float *w);
  /* For layers whose gradient and backward share most of their work (recurrent, graph): both at
   * once, dw += and dx[t] from dy[t]. dx[t] may be x[t]; dx NULL: not wanted. kept: (tiles) of
   * what forward kept, free to be used up unless second derivatives read it again (below). x of a
   * leaky activation: its outputs, its inputs are not stored. NULL: `gradient`, then `backward`. */
  void (*gradient_backward)(const Node *node, float *dw, float *const *dx, const float *const *x,
                            const float *const *dy, void *const *kept, int tiles, const float *w,
                            const float *packed);

  /* Second derivatives (net/dual.h). A tangent goes forward as yt = J xt, J the Jacobian at the
   * input; back come the gradients dx, dw and their tangents. A layer is one of
   *
   *   affine     jacobian. Its tangent goes through forward without the attribute "bias", or, J
   *              being symmetric, through backward; back, both dy and its tangent go through
   *              backward. To the parameters, each factor of a product with the tangent of the
   *              other: gradient or gradient_backward, called twice
   *   curved     the same, and bend: J depends on x, not by steps only
   *   piecewise  forward_dual: the tangent takes the choices that forward made; back as affine
   *   its own    forward_dual and backward_dual
   *   refused    none of these: JACOBIAN_NONE, forward_dual NULL
   *
   * All but the fourth leave `kept` as it was, in gradient_backward, too: it is read twice. */
  enum { JACOBIAN_NONE, JACOBIAN_FORWARD, JACOBIAN_SYMMETRIC } jacobian;
  /* dxt += the derivative of J^T dy along xt. */
  void (*bend)(const Node *node, float *dxt, const float *dy, const float *xt, const void *kept);
  /* forward with tangents; kept_t: those of what is kept, for backward_dual. */
  void (*forward_dual)(const Node *node, float *y, float *yt, void *kept, void *kept_t,
                       const float *x, const float *xt, const float *w, const float *packed);
  /* dx from dy, its tangent dxt, and dw += the tangent of the gradient to the parameters, from
   * what forward_dual kept, which may be used up. */
  void (*backward_dual)(const Node *node, float *dw, float *dx, float *dxt, const float *dy,
                        const float *dyt, void *kept, void *kept_t, const float *w,
                        const float *packed);

  /* forward and backward honour `finish`; others are called with FINISH_NONE */
  bool takes_finish;
  /* POINTS_READ: takes points of zeros as absent; POINTS_LEAVE: they stay zero. NULL: neither. */
  int (*points)(const Node *node);
  /* What a code is when this layer ends the encoder. */
  enum { CODE_FREE, CODE_SPHERE, CODE_GAUSSIAN } code;
  /* The slope of a leaky activation, which a linear layer may take over. NULL: it is none. */
  float (*leak)(const Node *node, const float *w);
};

/* The layer of that name for the ISA in use; NULL when there is none. */
const Layer *layer_find(const char *name);
/* The i-th layer; NULL past the end. */
const Layer *layer_at(int i);
/* Index of an attribute by name; -1 when there is none. */
int layer_attr(const Layer *op, const char *name);
/* Fill attr with the fallbacks. */
void layer_defaults(const Layer *op, double *attr);

/* Shorthand for shape rules: append a tensor. */
Tensor *node_tensor(Node *node, const char *name, int n_dims, const int *dims);

#endif
