/* dense: y = W x + b on the features of any shape, in the order c, h, w. */
#include <math.h>

#include "net/convolution.h"
#include "net/product.h"

enum { FEATURES, BIAS, SPECTRAL };

static const Attr attrs[] = {
    {.name = "features",
     .kind = ATTR_INT,
     .required = true,
     .min = 1,
     .max = 1 << 20,
     .help = "outputs"},
    ROW_BIAS,
    ROW_SPECTRAL,
    {0},
};

static Err shape(Node *node) {
  int outs = (int)node->attr[FEATURES], ins = (int)shape_size(node->in);
  node->out = (Shape){outs, 1, 1};
  Tensor *weight = node_tensor(node, "weight", 2, (int[]){outs, ins});
  weight->bound = 1 / sqrt(ins);
  if (node->attr[SPECTRAL]) weight->spectral_axis = 0;
  if (node->attr[BIAS]) node_tensor(node, "bias", 1, &outs)->bound = 1 / sqrt(ins);
  return OK;
}

static size_t forward_size(const Node *node) {
  return product_packed_size(node->out.c, shape_size(node->in));
}

static size_t packed_size(const Node *node) {
  return forward_size(node) + product_packed_size(shape_size(node->in), node->out.c);
}

static void pack(const Node *node, float *packed, const float *w) {
  long outs = node->out.c, ins = shape_size(node->in);
  product_pack(packed, w, outs, ins, ins, 1);
  product_pack(packed + forward_size(node), w, ins, outs, 1, ins);
}

static void forward(const Node *node, float *y, void *kept, const float *x, const float *w,
                    const float *packed, Finish finish) {
  const float *bias = node->attr[BIAS] ? w + node->tensor[0].size : NULL;
  product(y, x, packed, bias, 1, node->out.c, shape_size(node->in), finish);
}

static void backward(const Node *node, float *dx, const float *dy, const void *kept,
                     const float *w, const float *packed, Finish finish) {
  product(dx, dy, packed + forward_size(node), NULL, 1, shape_size(node->in), node->out.c,
          finish);
}

static void gradient(const Node *node, float *dw, const float *const *x, const float *const *dy,
                     int tiles, const float *w) {
  product_gradient(dw, dy, x, node->out.c, shape_size(node->in), tiles);
  if (node->attr[BIAS]) conv_bias_gradient(dw + node->tensor[0].size, dy, node->out, tiles);
}

const Layer PER_ISA(layer_dense) = {
    .name = "dense",
    .help = "fully connected: y = W x + b",
    .attrs = attrs,
    .shape = shape,
    .packed_size = packed_size,
    .pack = pack,
    .forward = forward,
    .backward = backward,
    .gradient = gradient,
    .jacobian = JACOBIAN_FORWARD,
    .takes_finish = true,
};
