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

void weights_make(Weights *weights, const Net *net, const float *w, const float *s) {
  for (int i = 0; i < net->n_tensors; i++) {
    double inverse = s ? 1 / net_spectral_sigma(net, i, w, s) : 1;
    for (size_t e = net->tensor_offset[i]; e < net->tensor_offset[i + 1]; e++)
      weights->w[e] = (float)(w[e] * inverse);
  }
  for (int i = 0; i < net->n_nodes; i++) {
    const Node *node = &net->node[i];
    if (node->op->pack)
      node->op->pack(node, weights->packed + node->packed_offset, weights->w + node->w_offset);
  }
}
