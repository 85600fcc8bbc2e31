/* conv2d: y[o] = b[o] + sum over c of the correlation of x[c] with w[o][c], as PyTorch's Conv2d;
 * conv1d the same on an image of one row, with kernels of one row, as its Conv1d. */
#include <math.h>

#include "net/convolution.h"
#include "net/correlate.h"

enum { CHANNELS, KERNEL, STRIDE, PADDING, BIAS, SPECTRAL };

static const Attr attrs[] = {
    ROW_CHANNELS,
    ROW_KERNEL,
    {.name = "stride",
     .kind = ATTR_INT,
     .fallback = 1,
     .min = 1,
     .max = CORRELATE_STRIDE,
     .help = "pixels from window to window"},
    {.name = "padding",
     .kind = ATTR_INT,
     .max = CORRELATE_KERNEL,
     .help = "zeros on each side of the image"},
    ROW_BIAS,
    ROW_SPECTRAL,
    {0},
};

/* A weight of one dimension (O, C, K) has one row. */
static Conv conv_of(const Node *node) {
  bool flat = node->tensor[0].n_dims == 3;
  int k = (int)node->attr[KERNEL], padding = (int)node->attr[PADDING];
  return (Conv){.fine = node->in,
                .coarse = node->out,
                .kernel_h = flat ? 1 : k,
                .kernel_w = k,
                .stride = (int)node->attr[STRIDE],
                .padding_h = flat ? 0 : padding,
                .padding_w = padding};
}

static Err shape_of(Node *node, int dims) {
  int k = (int)node->attr[KERNEL], stride = (int)node->attr[STRIDE];
  int outs = (int)node->attr[CHANNELS], padding = (int)node->attr[PADDING];
  Shape in = node->in;
  int rows = dims == 1 ? 0 : in.h + 2 * padding - k, cols = in.w + 2 * padding - k;
  if (rows < 0 || cols < 0)
    return err_user("kernel %d does not fit the %d x %d image with padding %d; use a smaller "
                    "kernel or more padding",
                    k, in.h, in.w, padding);
  node->out = (Shape){outs, rows / stride + 1, cols / stride + 1};
  Tensor *weight = node_tensor(node, "weight", 2 + dims, (int[]){outs, in.c, k, k});
  weight->bound = 1 / sqrt((double)weight->size / outs);
  if (node->attr[SPECTRAL]) weight->spectral_axis = 0;
  if (node->attr[BIAS]) node_tensor(node, "bias", 1, &outs)->bound = weight->bound;
  return OK;
}

static Err shape(Node *node) { return shape_of(node, 2); }

static Err shape_row(Node *node) {
  TRY(conv_check_row(node->in));
  return shape_of(node, 1);
}

static size_t packed_size(const Node *node) {
  Conv conv = conv_of(node);
  return conv_packed_size(&conv);
}

static void pack(const Node *node, float *packed, const float *w) {
  Conv conv = conv_of(node);
  conv_pack(&conv, packed, w);
}

static void forward(const Node *node, float *y, void *kept, const float *x, const float *w,
                    const float *packed, Finish finish) {
  Conv conv = conv_of(node);
  conv_gather(&conv, y, x, packed, node->attr[BIAS] ? w + node->tensor[0].size : NULL, finish);
}

static void backward(const Node *node, float *dx, const float *dy, const void *kept,
                     const float *w, const float *packed, Finish finish) {
  Conv conv = conv_of(node);
  conv_spread(&conv, dx, dy, packed, NULL, finish);
}

static void gradient(const Node *node, float *dw, const float *const *x, const float *const *dy,
                     int tiles, const float *w) {
  Conv conv = conv_of(node);
  conv_gradient(&conv, dw, dy, x, tiles);
  if (node->attr[BIAS]) conv_bias_gradient(dw + node->tensor[0].size, dy, node->out, tiles);
}

#define CONV_LAYER(type, rule, text)                                                             \
  const Layer PER_ISA(layer_##type) = {.name = #type,                                            \
                                       .help = text,                                             \
                                       .attrs = attrs,                                           \
                                       .shape = rule,                                            \
                                       .packed_size = packed_size,                               \
                                       .pack = pack,                                             \
                                       .forward = forward,                                       \
                                       .backward = backward,                                     \
                                       .gradient = gradient,                                     \
                                       .jacobian = JACOBIAN_FORWARD,                             \
                                       .takes_finish = true}
CONV_LAYER(conv2d, shape, "convolution of an image");
CONV_LAYER(conv1d, shape_row, "convolution of a sequence or signal, an image of one row");
