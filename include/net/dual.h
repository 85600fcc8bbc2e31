/* Second derivatives of a network, on dual numbers: every value carries a tangent, its derivative
 * along one direction at the input. For a loss with value l(y), y = net(x; w), and a direction xt,
 *
 *   phi = d l(net(x + s xt; w)) / ds at s = 0
 *
 * is made going forward, its gradients to x (the Hessian of l along xt) and to w coming back, as
 * the tangents of the gradients of l: of each layer y = A x, with g = dl/dy and gt the tangent of
 * g, dphi/dA = gt x^T + g xt^T. Layers that are not affine say what else there is (net/layer.h).
 * Source: Pearlmutter 1994, Neural Computation 6, 147. It costs twice a forward pass and a
 * gradient. The chain of a Langevin sampler is differentiated with it (obj/wnae.c).
 *
 * Shapes: x, xt and dxt are of the network's input; y, yt, dy and dyt of the output of its last
 * layer, which need not be of the same size. */
#ifndef NET_DUAL_H
#define NET_DUAL_H

#include "net/net.h"

typedef struct Dual Dual; /* one thread's buffers for up to `tiles` tiles */
Dual *dual_new(const Net *net, int tiles);
void dual_free(Dual **dual);
/* The first layer that tangents do not pass; NULL: there is none. */
const Node *dual_refused(const Net *net);

/* y (out, L) and its tangent yt from x (in, L) and xt, whole network, tile number `tile`. */
void dual_forward(const Net *net, const Weights *weights, Dual *dual, int tile, float *y,
                  float *yt, const float *x, const float *xt);
/* After dual_forward of tiles 0 .. tiles - 1, from dy[t] = dl/dy and its tangent dyt[t]: dw (P) +=
 * dphi/dw, and dxt[t] (in, L) = dphi/dx by way of y. */
void dual_gradient(const Net *net, const Weights *weights, Dual *dual, int tiles, float *dw,
                   float *const *dxt, float *const *dy, float *const *dyt);

#endif
