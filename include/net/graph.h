/* The graph of a set of points: each present point and its nearest neighbours in the plane of
 * features 1 and 2 (eta', phi'). For isa_sources only.
 *
 * A point is its own first neighbour (the graph has self-loops: arXiv 1801.07829, section 3.1),
 * then come the nearest other present points, the one of smaller index first where distances are
 * equal. With fewer points than neighbours wanted all of them are taken; a point alone has itself.
 * Points at infinite distance and absent points are nobody's neighbours.
 *
 * Neighbours are bits, so that finding them works on rows of lanes and following them needs no
 * list: bit j % 32 of word[i][j / 32][l]: j is a neighbour of i in lane l. */
#ifndef NET_GRAPH_H
#define NET_GRAPH_H

#include "net/points.h"

#define graph_make PER_ISA(graph_make)

enum { NEIGHBOURS_MAX = 32 };

/* Borrows: memory of graph_bytes, aligned to 64. */
typedef struct Graph {
  int points, words; /* words: of 32 bits, an even number */
  uint32_t *word;    /* (points, words, L) */
  uint16_t *present; /* (points) one bit per lane */
} Graph;

enum { GRAPH_BYTES_MAX = POINTS_MAX * (POINTS_MAX / 32 * L * 4 + 2) };

static inline int graph_words(int points) { return (points + 63) / 64 * 2; }

static inline size_t graph_bytes(int points) {
  size_t words = (size_t)points * (size_t)graph_words(points) * L * sizeof(uint32_t);
  return words + ((size_t)points * sizeof(uint16_t) + 63) / 64 * 64;
}

static inline Graph graph_in(const void *memory, int points) {
  Graph g = {.points = points, .words = graph_words(points), .word = (uint32_t *)memory};
  g.present = (uint16_t *)(g.word + (long)points * g.words * L);
  return g;
}

/* Fill the graph of x (in): at most `neighbours` of each point, itself among them. */
void graph_make(const Graph *graph, const float *x, Shape in, int neighbours);

/* Neighbours 64 w .. 64 w + 63 of point i in lane l, one bit each. */
INLINE uint64_t graph_bits(const Graph *g, int i, int w, int l) {
  const uint32_t *word = g->word + ((long)i * g->words + 2 * w) * L + l;
  return word[0] | (uint64_t)word[L] << 32;
}

INLINE bool graph_has(const Graph *g, int i, int l) { return g->present[i] >> l & 1; }

/* Neighbours of point i in lane l, in the order of index; returns how many. */
INLINE int graph_list(const Graph *g, int i, int l, int j[NEIGHBOURS_MAX]) {
  int n = 0;
  for (int w = 0; w < g->words / 2; w++)
    for (uint64_t bits = graph_bits(g, i, w, l); bits; bits &= bits - 1)
      j[n++] = 64 * w + __builtin_ctzll(bits);
  return n;
}

#endif
