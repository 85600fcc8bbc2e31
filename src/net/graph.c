/* Two passes over the other points for each point: the first finds the distance of the last one
 * that is near enough, keeping the least distances in order; the second picks who is nearer, and
 * of those at that very distance the first ones. */
#include "net/graph.h"

/* What is known of the others as seen from one point. */
typedef struct View {
  vec distance[POINTS_MAX]; /* infinite: absent, or the point itself */
  vec limit;                /* distance of the last one taken */
  vec room;                 /* how many at that very distance are taken */
} View;

INLINE void look(View *view, const Graph *g, const float *eta, const float *phi, int i, int l) {
  const vec far = v_set(INFINITY), eta_i = v_load(eta + l, i), phi_i = v_load(phi + l, i);
  for (int j = 0; j < g->points; j++) {
    vec a = v_load(eta + l, j) - eta_i, b = v_load(phi + l, j) - phi_i;
    view->distance[j] = v_select(m_load(g->present + j, l), v_fma(a, a, b * b), far);
  }
  view->distance[i] = far;
}

/* others: a constant where it is small enough for registers */
INLINE void find_limit(View *view, int points, int others) {
  const vec one = v_set(1), zero = v_set(0);
  vec best[NEIGHBOURS_MAX];
  for (int s = 0; s < NEIGHBOURS_MAX; s++) best[s] = v_set(INFINITY);
  for (int j = 0; j < points; j++) {
    vec d = view->distance[j];
    UNROLL(15)
    for (int s = 0; s < others; s++) {
      vec near = v_min(d, best[s]);
      d = v_max(d, best[s]);
      best[s] = near;
    }
  }
  view->limit = best[others - 1];
  view->room = v_set((float)others);
  for (int s = 0; s < others; s++)
    view->room = view->room - v_select(v_gt(view->limit, best[s]), one, zero);
}

/* Whether j is taken; call it in the order of j. */
INLINE mask take(View *view, int j, mask there) {
  const vec one = v_set(1), zero = v_set(0);
  vec d = view->distance[j];
  mask nearer = v_gt(view->limit, d), has_room = v_gt(view->room, zero);
  vec equal = v_select(nearer, zero, v_select(v_gt(d, view->limit), zero, one));
  vec taken = v_select(has_room, equal, zero);
  view->room = view->room - taken;
  return there & (nearer | v_gt(taken, zero));
}

#if VL > 1
INLINE ivec with_bit(ivec word, mask m, int bit) {
  ivec more = word | (int32_t)(1u << bit);
  return (ivec)v_select(m, (vec)more, (vec)word);
}
#else
INLINE ivec with_bit(ivec word, mask m, int bit) {
  return (ivec)((uint32_t)word | (uint32_t)m << bit);
}
#endif

INLINE void write_words(View *view, const Graph *g, int i, int others, int l) {
  uint32_t *to = g->word + (long)i * g->words * L + l;
  for (int from = 0; from < g->words * 32; from += 32, to += L) {
    ivec word = {0};
    for (int j = from; j < from + 32 && j < g->points; j++)
      if (j == i)
        word = word | (int32_t)(1u << (j - from));
      else if (others)
        word = with_bit(word, take(view, j, m_load(g->present + j, l)), j - from);
    memcpy(to, &word, sizeof word);
  }
}

INLINE void make(const Graph *g, const float *eta, const float *phi, int others) {
  View view;
  view.limit = view.room = v_set(0);
  for (int i = 0; i < g->points; i++) LANES(l) {
      if (others) {
        look(&view, g, eta, phi, i, l);
        find_limit(&view, g->points, others);
      }
      write_words(&view, g, i, others, l);
    }
}

void graph_make(const Graph *graph, const float *x, Shape in, int neighbours) {
  const float *eta = x + (long)in.w * L, *phi = eta + (long)in.w * L;
  points_present(graph->present, x, in);
  if (neighbours == 8)
    make(graph, eta, phi, 7);
  else if (neighbours == 16 && VL == 16)
    make(graph, eta, phi, 15);
  else
    make(graph, eta, phi, neighbours - 1);
}
