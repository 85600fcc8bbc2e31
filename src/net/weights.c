#include <string.h>

#include "base/mem.h"
#include "net/net.h"

Weights weights_new(const Net *net) {
  return (Weights){.w = MEM_NEW(float, "effective weights", net->n_params),
                   .packed = MEM_NEW(float, "packed weights", net->n_packed)};
}

void weights_free(Weights *weights) {
  mem_free(&weights->w);
  mem_free(&weights->packed);
}

static void scale(float *restrict y, const float *restrict x, size_t n, double factor) {
  if (factor == 1) {
    memcpy(y, x, n * sizeof *y);
    return;
  }
  for (size_t i = 0; i < n; i++) y[i] = (float)(x[i] * factor);
}

void weights_make(Weights *weights, const Net *net, const float *w, const float *s) {
  for (int k = 0, i = 0; k < net->n_nodes; k++) {
    const Node *node = &net->node[k];
    for (int t = 0; t < node->n_tensors; t++, i++) {
      size_t at = net->tensor_offset[i];
      scale(weights->w + at, w + at, net->tensor_offset[i + 1] - at,
            s ? 1 / net_spectral_sigma(net, i, w, s) : 1);
    }
    if (node->op->pack)
      node->op->pack(node, weights->packed + node->packed_offset, weights->w + node->w_offset);
  }
}
