#include "net/layer.h"

#include <string.h>

/* All layers, in the order of help texts. */
/* clang-format off */
#define LAYERS(X)                                                                                 \
  X(dense) X(conv2d) X(conv_transpose2d) X(conv1d) X(conv_transpose1d)                            \
  X(gru) X(lstm) X(edge_conv)                                                                     \
  X(max_pool2d) X(avg_pool2d) X(upsample) X(pool_points)                                          \
  X(relu) X(leaky_relu) X(prelu) X(elu) X(sigmoid) X(tanh) X(softplus) X(linear)                  \
  X(reshape) X(repeat) X(sphere) X(gaussian)
/* clang-format on */

#define DECLARE(name) ISA_DECLARE(Layer, layer_##name);
LAYERS(DECLARE)

#define ROW_C(name) &layer_##name##_c,
static const Layer *const table_c[] = {LAYERS(ROW_C) NULL};
#if defined(__x86_64__)
#define ROW_AVX2(name)   &layer_##name##_avx2,
#define ROW_AVX512(name) &layer_##name##_avx512,
static const Layer *const table_avx2[] = {LAYERS(ROW_AVX2) NULL};
static const Layer *const table_avx512[] = {LAYERS(ROW_AVX512) NULL};
#endif

static const Layer *const *const tables[ISA_COUNT] = {
    [ISA_C] = table_c,
#if defined(__x86_64__)
    [ISA_AVX2] = table_avx2,
    [ISA_AVX512] = table_avx512,
#endif
};

enum { LAYER_COUNT = sizeof table_c / sizeof table_c[0] - 1 };

const Layer *layer_at(int i) {
  return i >= 0 && i < LAYER_COUNT ? tables[isa_current()][i] : NULL;
}

const Layer *layer_find(const char *name) {
  for (const Layer *const *op = tables[isa_current()]; *op; op++)
    if (!strcmp((*op)->name, name)) return *op;
  return NULL;
}

int layer_attr(const Layer *op, const char *name) {
  for (int i = 0; op->attrs && op->attrs[i].name; i++)
    if (!strcmp(op->attrs[i].name, name)) return i;
  return -1;
}

void layer_defaults(const Layer *op, double *attr) {
  for (int i = 0; op->attrs && op->attrs[i].name; i++) attr[i] = op->attrs[i].fallback;
}

Tensor *node_tensor(Node *node, const char *name, int n_dims, const int *dims) {
  CHECK(node->n_tensors < LAYER_TENSORS, "layer %s has too many tensors", node->op->name);
  Tensor *t = &node->tensor[node->n_tensors++];
  *t = (Tensor){.name = name, .n_dims = n_dims, .size = 1, .spectral_axis = -1};
  for (int i = 0; i < n_dims; i++) {
    t->dims[i] = dims[i];
    t->size *= (size_t)dims[i];
  }
  return t;
}
