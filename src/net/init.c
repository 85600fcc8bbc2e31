#include "net/net.h"
#include "num/rng.h"

static void init_tensor(const Tensor *tensor, float *w, RngKey key, uint32_t number) {
  for (size_t e = 0; e < tensor->size; e++)
    w[e] = tensor->bound == 0 ? (float)tensor->value
                              : (float)(tensor->bound * (2 * rng_uniform(key, e, number, 0) - 1));
}

void net_init(const Net *net, float *w, uint64_t seed) {
  RngKey key = rng_key(seed, RNG_INIT);
  for (int i = 0; i < net->n_tensors; i++)
    init_tensor(net_tensor(net, i, NULL, NULL), w + net->tensor_offset[i], key, (uint32_t)i);
}
