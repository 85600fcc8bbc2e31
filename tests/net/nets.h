/* Networks and numbers for the tests of this room.
 *
 * Layers are written as "conv2d 8 kernel=3 padding=1; prelu; reshape 4 height=2": the type, its
 * first attribute if it stands alone, others by name; a choice or a yes is its number. */
#ifndef TESTS_NETS_H
#define TESTS_NETS_H

#include "net/net.h"

/* A number in (-1, 1) that depends on stream and i only; it never repeats nearby. */
float some(uint32_t stream, uint32_t i);
/* Arrays of them. Owns: the caller, mem_free. */
float *some_floats(uint32_t stream, size_t n);

LayerSpec layer_parse(const char *text);
NetSpec net_parse(const char *encoder, const char *decoder);
/* A layer alone, its shapes filled in. */
Node node_make(const char *text, Shape in);
size_t node_params(const Node *node);

#endif
