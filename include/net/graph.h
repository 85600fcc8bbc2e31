/* The graph of a set of points: each present point and its nearest neighbours in the plane of
 * features 1 and 2 (eta', phi'). For isa_sources only.
 *
 * A point is its own first neighbour (the graph has self-loops: arXiv 1801.07829, section 3.1),
 * then come the nearest other present points, the one of smaller index first where distances are
 * equal. With fewer points than neighbours wanted all are taken; a point alone has itself.
 * Points at infinite distance and absent points are nobody's neighbours.
 *
 * The lists lie with each lane apart, in the order of index. */
#ifndef NET_GRAPH_H
#define NET_GRAPH_H

#include "base/whole.h"
#include "net/points.h"

#define graph_make PER_ISA(graph_make)

enum { NEIGHBOURS_MAX = 32 };

/* Borrows: memory of graph_bytes, aligned to 64. */
typedef struct Graph {
  int points, neighbours;
  uint16_t *near; /* (L, points, neighbours) */
  uint8_t *count; /* (L, points) how many there are; 0: the point is absent */
} Graph;

enum { GRAPH_BYTES_MAX = L * POINTS_MAX * (2 * NEIGHBOURS_MAX + 1) };

static inline size_t graph_near_bytes(int points, int neighbours) {
  return (size_t)(L * points * neighbours) * sizeof(uint16_t);
}

static inline size_t graph_bytes(int points, int neighbours) {
  return whole_lines(graph_near_bytes(points, neighbours) + (size_t)(L * points));
}

static inline Graph graph_in(const void *memory, int points, int neighbours) {
  Graph g = {.points = points, .neighbours = neighbours, .near = (uint16_t *)memory};
  g.count = (uint8_t *)memory + graph_near_bytes(points, neighbours);
  return g;
}

/* Fill the graph of x (in). */
void graph_make(const Graph *graph, const float *x, Shape in);

#endif
