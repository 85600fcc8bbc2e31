/* Every layer once more, plainly: one sample, in double, from the definition. What the kernels
 * are compared with, and what finite differences are taken of. */
#ifndef TESTS_REFERENCE_H
#define TESTS_REFERENCE_H

#include "net/net.h"

/* y (out) from x (in) and the layer's parameters w. */
void reference_layer(const Node *node, double *y, const double *x, const double *w);
/* y from x through layers [from, to) of the network. */
void reference_net(const Net *net, int from, int to, double *y, const double *x, const double *w);

#endif
