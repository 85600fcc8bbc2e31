/* A convolution and its transpose, as conv2d and conv_transpose2d share them, and conv1d and
 * conv_transpose1d, which see an image of one row. Two arrays: the fine one (C channels) and the
 * coarse one (O channels), with weights w (O, C, K, K), in one dimension (O, C, K):
 *
 *   gather: coarse[o][a][b] = sum over c, r, s of
 *           w[o][c][r][s] fine[c][a stride - padding + r][b stride - padding + s]
 *   spread: its transpose, from coarse to fine.
 *
 * conv2d gathers forward and spreads its gradient back; conv_transpose2d, whose weights
 * (I, O, K, K) are (O, C, K, K) in these names, spreads forward and gathers back. The weight
 * gradient is the same.
 *
 * The algorithm follows from the shape alone (contract C1): a window that is the whole image is a
 * matrix product; 3x3 of stride 1 with eight channels or more on either side and outputs of 4x4
 * or more goes by Winograd, each direction decided by its own shapes, spread as the transpose of
 * gather where that is less work; all else is direct. */
#ifndef NET_CONVOLUTION_H
#define NET_CONVOLUTION_H

#include "net/layer.h"
#include "num/vec.h"

#define conv_packed_size   PER_ISA(conv_packed_size)
#define conv_pack          PER_ISA(conv_pack)
#define conv_gather        PER_ISA(conv_gather)
#define conv_spread        PER_ISA(conv_spread)
#define conv_gradient      PER_ISA(conv_gradient)
#define conv_bias_gradient PER_ISA(conv_bias_gradient)
#define conv_check_row     PER_ISA(conv_check_row)

/* Rows that the attribute tables of the linear layers have in common. */
#define ROW_CHANNELS                                                                             \
  {                                                                                              \
    .name = "channels", .kind = ATTR_INT, .required = true, .min = 1, .max = 1 << 16,            \
    .help = "output channels"                                                                    \
  }
#define ROW_KERNEL                                                                               \
  {                                                                                              \
    .name = "kernel", .kind = ATTR_INT, .required = true, .min = 1, .max = CORRELATE_KERNEL,     \
    .help = "columns of the kernel, and rows if it has two dimensions"                           \
  }
#define ROW_BIAS                                                                                 \
  { .name = "bias", .kind = ATTR_BOOL, .fallback = 1, .max = 1, .help = "add a bias" }
#define ROW_SPECTRAL                                                                             \
  {                                                                                              \
    .name = "spectral", .kind = ATTR_BOOL, .max = 1,                                             \
    .help = "divide the weight by its largest singular value"                                    \
  }

typedef struct Conv {
  Shape fine, coarse;
  int kernel_h, kernel_w, stride, padding_h, padding_w;
} Conv;

/* Errors: an image that is not one row. */
Err conv_check_row(Shape in);

/* Both directions' weights in their order of use. */
size_t conv_packed_size(const Conv *conv);
void conv_pack(const Conv *conv, float *packed, const float *w);

/* bias: one per channel of the result, NULL: zeros. */
void conv_gather(const Conv *conv, float *coarse, const float *fine, const float *packed,
                 const float *bias, Finish finish);
void conv_spread(const Conv *conv, float *fine, const float *coarse, const float *packed,
                 const float *bias, Finish finish);

/* dw (O, C, K, K) += over tiles; coarse and fine: (tiles) arrays. */
void conv_gradient(const Conv *conv, float *dw, const float *const *coarse,
                   const float *const *fine, int tiles);
/* db (C) += sums over pixels of dy (shape), tile after tile. */
void conv_bias_gradient(float *db, const float *const *dy, Shape shape, int tiles);

#endif
