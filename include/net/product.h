/* Matrix times tile: the work of dense layers, and of convolutions whose window is the whole
 * image. For isa_sources only. Sums run in the order of the inputs, starting from the bias. */
#ifndef NET_PRODUCT_H
#define NET_PRODUCT_H

#include "net/layer.h"
#include "num/vec.h"

#define product_packed_size PER_ISA(product_packed_size)
#define product_pack        PER_ISA(product_pack)
#define product             PER_ISA(product)
#define product_gradient    PER_ISA(product_gradient)

size_t product_packed_size(long outs, long ins);
/* w[o * stride_out + i * stride_in] in the order of use. */
void product_pack(float *packed, const float *w, long outs, long ins, long stride_out,
                  long stride_in);
/* y (outs, L) = bias[o / per_bias] + sum over i of w[o][i] x[i]; bias NULL: zeros. */
void product(float *y, const float *x, const float *packed, const float *bias, long per_bias,
             long outs, long ins, Finish finish);
/* dw (outs, ins) += sum over tiles, then lanes, of dy[o] x[i]. */
void product_gradient(float *dw, const float *const *dy, const float *const *x, long outs,
                      long ins, int tiles);

#endif
