/* Two passes over the other points for each point: the first finds the distance of the last one
 * that is near enough, keeping the least distances in order; the second picks who is nearer, and
 * of those at that very distance the first ones. */
#include "net/graph.h"

enum { WORDS = POINTS_MAX / 32 };

/* What is known of the others as seen from one point. */
typedef struct View {
  uint16_t present[POINTS_MAX]; /* one bit per lane */
  uint32_t word[WORDS][L];      /* bit j % 32 of word j / 32: j is a neighbour */
  vec distance[POINTS_MAX];     /* infinite: absent, or the point itself */
  vec limit;                    /* distance of the last one taken */
  vec room;                     /* how many at that very distance are taken */
} View;

INLINE void look(View *view, const Graph *g, const float *eta, const float *phi, int i, int l) {
  const vec far = v_set(INFINITY), eta_i = v_load(eta + l, i), phi_i = v_load(phi + l, i);
  for (int j = 0; j < g->points; j++) {
    vec a = v_load(eta + l, j) - eta_i, b = v_load(phi + l, j) - phi_i;
    view->distance[j] = v_select(m_load(view->present + j, l), v_fma(a, a, b * b), far);
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
  for (int w = 0; 32 * w < g->points; w++) {
    ivec word = {0};
    for (int j = 32 * w; j < 32 * w + 32 && j < g->points; j++)
      if (j == i)
        word = word | (int32_t)(1u << (j - 32 * w));
      else if (others)
        word = with_bit(word, take(view, j, m_load(view->present + j, l)), j - 32 * w);
    memcpy(&view->word[w][l], &word, sizeof word);
  }
}

static void write_list(const View *view, const Graph *g, int i, int l) {
  uint16_t *near = g->near + ((long)l * g->points + i) * g->neighbours;
  int n = 0;
  for (int w = 0; 32 * w < g->points; w += 2) {
    uint64_t high = 32 * (w + 1) < g->points ? view->word[w + 1][l] : 0;
    for (uint64_t bits = view->word[w][l] | high << 32; bits; bits &= bits - 1)
      near[n++] = (uint16_t)(32 * w + __builtin_ctzll(bits));
  }
  g->count[l * g->points + i] = (uint8_t)n;
}

INLINE void make(const Graph *g, View *view, const float *eta, const float *phi, int others) {
  memset(g->count, 0, (size_t)(L * g->points));
  for (int i = 0; i < g->points; i++) {
    LANES(l) {
      if (others) {
        look(view, g, eta, phi, i, l);
        find_limit(view, g->points, others);
      }
      write_words(view, g, i, others, l);
    }
    for (int l = 0; l < L; l++)
      if (view->present[i] >> l & 1) write_list(view, g, i, l);
  }
}

void graph_make(const Graph *g, const float *x, Shape in) {
  const float *eta = x + (long)in.w * L, *phi = eta + (long)in.w * L;
  View view;
  view.limit = view.room = v_set(0);
  points_present(view.present, x, in);
  if (g->neighbours == 8)
    make(g, &view, eta, phi, 7);
  else if (g->neighbours == 16 && VL == 16)
    make(g, &view, eta, phi, 15);
  else
    make(g, &view, eta, phi, g->neighbours - 1);
}
