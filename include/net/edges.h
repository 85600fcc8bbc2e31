/* The arithmetic of edge convolution on a block of sixteen of its channels, one tile. For
 * isa_sources only.
 *
 * With the weight [W1 W2] on [x_i, x_j - x_i], an edge's value before the activation is
 *   W1 x_i + W2 (x_j - x_i) + bias = a_i + b_j,   a = (W1 - W2) x + bias,  b = W2 x,
 * so products are made once per point, and an edge is an addition. Lanes have different
 * neighbours; so a and b lie in a panel, each sample apart, the sixteen channels of a point side
 * by side: following an edge is then one load of a row of channels. The products write the panel
 * directly, for they may run over channels as well as over lanes.
 *
 * Panel u: for each lane and point 16 numbers of a, 16 of b; see edge_at. */
#ifndef NET_EDGES_H
#define NET_EDGES_H

#include "net/graph.h"

#define edge_pack     PER_ISA(edge_pack)
#define edge_products PER_ISA(edge_products)
#define edge_reduce   PER_ISA(edge_reduce)
#define edge_follow   PER_ISA(edge_follow)
#define edge_store    PER_ISA(edge_store)
#define edge_load     PER_ISA(edge_load)
#define edge_spread   PER_ISA(edge_spread)
#define edge_input    PER_ISA(edge_input)
#define edge_weights  PER_ISA(edge_weights)

enum { EDGE_BLOCK = L, EDGE_PAIR = 2 * EDGE_BLOCK, EDGE_FEATURES = 12 };
enum { EDGE_PANEL_MAX = L * (POINTS_MAX * EDGE_PAIR + EDGE_BLOCK) };

/* Lanes are this far apart: no power of two, so that they do not meet in the cache. */
INLINE long edge_lane(int points) { return (long)points * EDGE_PAIR + EDGE_BLOCK; }
INLINE float *edge_at(float *u, int points, int l, int t) {
  return u + l * edge_lane(points) + (long)t * EDGE_PAIR;
}

/* What becomes of an edge's value v: v > 0 ? v : slope v, then the largest or the mean of a
 * point's neighbours. */
typedef struct EdgeRule {
  bool mean;
  float slope;
} EdgeRule;

/* What the way back needs to know of a point and lane, in units of 16 bits, one bit for each
 * channel or one byte. mean: for each neighbour whether its value is above 0. Else whether the
 * value is above 0, then sixteen bytes, the winning neighbours' numbers. */
INLINE int edge_marks(EdgeRule rule, int neighbours) { return rule.mean ? neighbours : 9; }

/* Weights of a block in their order of use: 32 biases, (F, 32) for the products; then for the way
 * back (F / 12, 32, 12). */
INLINE size_t edge_forward_size(int features) { return (size_t)(features + 1) * EDGE_PAIR; }
INLINE size_t edge_packed_size(int features) {
  int groups = (features + EDGE_FEATURES - 1) / EDGE_FEATURES;
  return edge_forward_size(features) + (size_t)(groups * EDGE_FEATURES * EDGE_PAIR);
}
/* w (channels, 2 F): the rows of this block, bias NULL: zeros; channels at most 16. */
void edge_pack(float *packed, const float *w, const float *bias, int channels, int features);

/* u = a, b of every point of x (in), with the bias or without. */
void edge_products(float *u, const float *x, const float *packed, Shape in, bool biased);
/* a of each point becomes the layer's value there, 0 where it is absent. marks (L, points,
 * edge_marks): what edge_spread needs to know; NULL: nothing. */
void edge_reduce(float *u, const Graph *graph, uint16_t *marks, EdgeRule rule);
/* The same for tangents: a and b are theirs, and marks says which neighbours won, or on which side
 * of zero each was, when edge_reduce made the values. */
void edge_follow(float *u, const Graph *graph, const uint16_t *marks, EdgeRule rule);
/* y (channels, points, L) from a, and a from dy. */
void edge_store(float *y, const float *u, int points, int channels);
void edge_load(float *u, const float *dy, int points, int channels);
/* From the gradient to the value, in a: the gradients to a and b. sum[o]: that to the bias. */
void edge_spread(float *u, float sum[EDGE_BLOCK], const Graph *graph, const uint16_t *marks,
                 EdgeRule rule);
/* dx (in) += from the gradients to a and b. */
void edge_input(float *dx, const float *u, const float *packed, Shape in);
/* dw (channels, 2 F) += from the gradients to a and b, and x (in). */
void edge_weights(float *dw, const float *x, const float *u, Shape in, int channels);

#endif
