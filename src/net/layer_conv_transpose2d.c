/* conv_transpose2d: the transpose of a convolution, as PyTorch's ConvTranspose2d. Its input is
 * the coarse array of that convolution, its output the fine one. conv_transpose1d: the same on an
 * image of one row, with kernels of one row, as its ConvTranspose1d. */
#include <math.h>

#include "net/convolution.h"
#include "net/correlate.h"

enum { CHANNELS, KERNEL, STRIDE, PADDING, OUTPUT_PADDING, BIAS, SPECTRAL };

static const Attr attrs[] = {
    ROW_CHANNELS,
    ROW_KERNEL,
    {.name = "stride",
     .kind = ATTR_INT,
     .fallback = 1,
     .min = 1,
     .max = CORRELATE_STRIDE,
     .help = "pixels of the output from one input pixel to the next"},
    {.name = "padding",
     .kind = ATTR_INT,
     .max = CORRELATE_KERNEL,
     .help = "output pixels dropped on each side"},
    {.name = "output_padding",
     .kind = ATTR_INT,
     .max = CORRELATE_STRIDE - 1,
     .help = "pixels added at the lower and right side, fewer than the stride"},
    ROW_BIAS,
    ROW_SPECTRAL,
    {0},
};

/* A weight of one dimension (I, O, K) has one row. */
static Conv conv_of(const Node *node) {
  bool flat = node->tensor[0].n_dims == 3;
  int k = (int)node->attr[KERNEL], padding = (int)node->attr[PADDING];
  return (Conv){.fine = node->out,
                .coarse = node->in,
                .kernel_h = flat ? 1 : k,
                .kernel_w = k,
                .stride = (int)node->attr[STRIDE],
                .padding_h = flat ? 0 : padding,
                .padding_w = padding};
}

static Err shape_of(Node *node, int dims) {
  int k = (int)node->attr[KERNEL], stride = (int)node->attr[STRIDE];
  int outs = (int)node->attr[CHANNELS], padding = (int)node->attr[PADDING];
  int more = (int)node->attr[OUTPUT_PADDING];
  Shape in = node->in;
  if (more >= stride)
    return err_user("output_padding %d: want less than the stride, %d", more, stride);
  int rows = dims == 1 ? 1 : (in.h - 1) * stride - 2 * padding + k + more;
  int cols = (in.w - 1) * stride - 2 * padding + k + more;
  if (rows < 1 || cols < 1)
    return err_user("padding %d leaves nothing of the %d x %d output; use less", padding,
                    dims == 1 ? 1 : rows + 2 * padding, cols + 2 * padding);
  node->out = (Shape){outs, rows, cols};
  Tensor *weight = node_tensor(node, "weight", 2 + dims, (int[]){in.c, outs, k, k});
  weight->bound = 1 / sqrt((double)weight->size / in.c);
  if (node->attr[SPECTRAL]) weight->spectral_axis = 1;
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
  conv_spread(&conv, y, x, packed, node->attr[BIAS] ? w + node->tensor[0].size : NULL, finish);
}

static void backward(const Node *node, float *dx, const float *dy, const void *kept,
                     const float *w, const float *packed, Finish finish) {
  Conv conv = conv_of(node);
  conv_gather(&conv, dx, dy, packed, NULL, finish);
}

static void gradient(const Node *node, float *dw, const float *const *x, const float *const *dy,
                     int tiles, const float *w) {
  Conv conv = conv_of(node);
  conv_gradient(&conv, dw, x, dy, tiles);
  if (node->attr[BIAS]) conv_bias_gradient(dw + node->tensor[0].size, dy, node->out, tiles);
}

#define CONV_TRANSPOSE_LAYER(type, rule, text)                                                   \
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
CONV_TRANSPOSE_LAYER(conv_transpose2d, shape, "transpose of a convolution: inflates an image");
CONV_TRANSPOSE_LAYER(conv_transpose1d, shape_row,
                     "transpose of conv1d: inflates a sequence or signal");
