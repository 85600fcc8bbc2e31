/* What recurrent layers share: the walk along a sequence, for one tile. A layer brings its Cell,
 * the elementwise equations of one unit; everything else is here, and its slots are in
 * net/recurrent_slots.h. For isa_sources only.
 *
 * The input (F, 1, T) is a sequence of T points with F features. Each of H units holds a state of
 * one or two numbers, h first, zero at the start; h is the output. A unit has four sums, of which
 * the point's features feed the first `gates`, and h of all units the first gates - 1 and the
 * last:
 *
 *   a[g] = bias + sum over f of w_ih[g][f] x[f] + sum over j of w_hh[g][j] h[j]
 *
 * (a gated recurrent unit keeps the two parts of its third gate apart; a long short-term memory
 * has four gates and none apart). Tensors as PyTorch's GRU and LSTM have them, so that their
 * weights fit: weight_ih (gates H, F), weight_hh (gates H, H), bias_ih, bias_hh (gates H).
 *
 * Units are done in blocks, whose sums never leave the registers before the cell has seen them.
 * An absent point (all features zero, if the layer is `masked`) leaves the state as it is; a step
 * at which all lanes are absent is not made at all, which gives the same bits.
 *
 * All passes come with tangents and without: where a pass on values gets no tangents (NULL), the
 * compiler leaves them out. The tangent of a sum is the same sum without bias, and the tangent of
 * a gradient that went through the weights has gone the same way; in between are the cells. */
#ifndef NET_RECURRENT_H
#define NET_RECURRENT_H

#include "net/layer.h"
#include "num/tvec.h"

#define recurrent_shape       PER_ISA(recurrent_shape)
#define recurrent_points      PER_ISA(recurrent_points)
#define recurrent_of          PER_ISA(recurrent_of)
#define recurrent_packed_size PER_ISA(recurrent_packed_size)
#define recurrent_pack        PER_ISA(recurrent_pack)
#define recurrent_kept_size   PER_ISA(recurrent_kept_size)
#define recurrent_present     PER_ISA(recurrent_present)
#define recurrent_back        PER_ISA(recurrent_back)
#define recurrent_gradient    PER_ISA(recurrent_gradient)

enum {
  RECURRENT_UNITS = 512, /* the most: states of a step live on the stack */
  RECURRENT_SUMS = 4,
  RECURRENT_STATES = 2,
  RECURRENT_ROWS = 5, /* the most that a unit keeps */
  RECURRENT_BLOCK = VL == 16 ? 5 : 3
};

/* One unit, as vectors of samples with tangents. */
typedef struct Cell {
  int gates;  /* 3 or 4 */
  int states; /* 1: h; 2: h and another one */
  int rows;   /* numbers of a step that backward wants */
  /* From the four sums a: the new state, and a = the rows to keep. Where not present the state
   * stays. */
  void (*forward)(tvec a[RECURRENT_ROWS], tvec state[RECURRENT_STATES], mask present);
  /* From the rows kept: a = the gradient to the four sums. d: from that of the new state to that
   * of the old one, less what goes by the sums. */
  void (*backward)(tvec a[RECURRENT_ROWS], const tvec old[RECURRENT_STATES],
                   tvec d[RECURRENT_STATES], mask present);
} Cell;

/* A layer's numbers. */
typedef struct Recurrent {
  int gates, states, rows; /* of its cell */
  int units, features, points;
  bool sequence, masked, reverse;
} Recurrent;

/* Attributes of every recurrent layer, in the order of this enum. */
enum { RECURRENT_ATTR_UNITS, RECURRENT_RETURNS, RECURRENT_MASKED, RECURRENT_REVERSE };
/* clang-format off */
#define RECURRENT_ATTRS                                                                          \
  {.name = "units", .kind = ATTR_INT, .required = true, .fallback = NAN, .min = 1,               \
   .max = RECURRENT_UNITS,                                                                       \
   .help = "size of the hidden state; its weights take no spectral normalisation"},              \
  {.name = "returns", .kind = ATTR_CHOICE, .max = 1,                                             \
   .choices = (const char *const[]){"last", "sequence", NULL},                                   \
   .help = "the state after the last point, or that after each point"},                          \
  {.name = "masked", .kind = ATTR_BOOL, .max = 1,                                                \
   .help = "points whose features are all zero are absent and leave the state as it is; false: " \
           "every point counts"},                                                                \
  {.name = "reverse", .kind = ATTR_BOOL, .max = 1,                                               \
   .help = "go from the last point to the first"},                                               \
  {0}
/* clang-format on */

Err recurrent_shape(Node *node, int gates);
int recurrent_points(const Node *node);
Recurrent recurrent_of(const Node *node, Cell cell);
size_t recurrent_packed_size(const Recurrent *r);
void recurrent_pack(const Recurrent *r, float *packed, const float *w);

/* ---- what a tile keeps: T + 1 steps, then the lanes present at each ---- */

/* rows (rows, H, L); x (F, L); state (states, H, L) before the step */
typedef struct Step {
  float *rows, *x, *state;
} Step;

INLINE size_t step_floats(const Recurrent *r) {
  return (size_t)((r->rows + r->states) * r->units + r->features) * L;
}

INLINE Step step_at(const Recurrent *r, void *kept, int k) {
  float *rows = (float *)kept + (size_t)k * step_floats(r);
  float *x = rows + (size_t)r->rows * r->units * L;
  return (Step){rows, x, x + (size_t)r->features * L};
}

/* (T) */
INLINE uint16_t *kept_present(const Recurrent *r, void *kept) {
  return (uint16_t *)((float *)kept + (size_t)(r->points + 1) * step_floats(r));
}

size_t recurrent_kept_size(const Recurrent *r);

/* The point of step k. */
INLINE int point_of(const Recurrent *r, int k) { return r->reverse ? r->points - 1 - k : k; }

/* Lanes in which a point of the sequence is there; x: its first feature. */
uint16_t recurrent_present(const Recurrent *r, const float *x);

/* ---- forward ---- */

typedef vec Sums[RECURRENT_SUMS][RECURRENT_BLOCK];

/* a += w x over n rows, for the first gates - 1 sums and the sum `last`. Returns the weights
 * behind. */
INLINE const float *feed(Sums a, int gates, int last, const float *w, const float *x, long stride,
                         long n) {
  for (long i = 0; i < n; i++, w += gates * RECURRENT_BLOCK) {
    vec row = v_load(x, i * stride);
    UNROLL(4)
    for (int g = 0; g < gates; g++) UNROLL(5)
    for (int k = 0; k < RECURRENT_BLOCK; k++) {
      vec *sum = &a[g < gates - 1 ? g : last][k];
      *sum = v_fma(row, v_set(w[g * RECURRENT_BLOCK + k]), *sum);
    }
  }
  return w;
}

/* What a step reads and writes, as values or as tangents; x NULL: there are no tangents. */
typedef struct Flow {
  const float *x;     /* (F, L), features `points` rows apart */
  const float *state; /* (states, H, L) before the step */
  float *to;          /* (states, H, L) after it */
  float *rows;        /* to keep; NULL: nothing kept */
} Flow;

/* Tangents have no bias. */
INLINE void make_sums(Sums a, const Recurrent *r, Cell cell, const Flow *in, bool biased,
                      const float *w, int l) {
  UNROLL(4)
  for (int g = 0; g < RECURRENT_SUMS; g++) UNROLL(5)
  for (int k = 0; k < RECURRENT_BLOCK; k++, w++) a[g][k] = v_set(biased ? *w : 0);
  w = feed(a, cell.gates, cell.gates - 1, w, in->x + l, r->points, r->features);
  feed(a, cell.gates, RECURRENT_SUMS - 1, w, in->state + l, 1, r->units);
}

/* Units u .. u + RECURRENT_BLOCK - 1 of a step. */
INLINE void step_block(const Recurrent *r, Cell cell, const Flow *value, const Flow *tangent,
                       const float *w, mask present, int u, int l) {
  Sums a, at;
  make_sums(a, r, cell, value, true, w, l);
  if (tangent->x) make_sums(at, r, cell, tangent, false, w, l);
  for (int k = 0; k < RECURRENT_BLOCK && u + k < r->units; k++) {
    tvec row[RECURRENT_ROWS], s[RECURRENT_STATES];
    for (int g = 0; g < RECURRENT_SUMS; g++)
      row[g] = (tvec){a[g][k], tangent->x ? at[g][k] : v_set(0)};
    for (int i = 0; i < cell.states; i++)
      s[i] = t_load(value->state, tangent->state, l, (long)i * r->units + u + k);
    cell.forward(row, s, present);
    for (int i = 0; i < cell.states; i++)
      t_store(value->to, tangent->to, l, (long)i * r->units + u + k, s[i]);
    for (int g = 0; value->rows && g < cell.rows; g++)
      t_store(value->rows, tangent->rows, l, (long)g * r->units + u + k, row[g]);
  }
}

INLINE long block_floats(const Recurrent *r) {
  return RECURRENT_BLOCK * (RECURRENT_SUMS + (long)r->gates * (r->features + r->units));
}

INLINE size_t state_bytes(const Recurrent *r) {
  return (size_t)(r->states * r->units) * L * sizeof(float);
}

INLINE void step_forward(const Recurrent *r, Cell cell, const Flow *value, const Flow *tangent,
                         const float *packed, uint16_t present) {
  if (!present) {
    memcpy(value->to, value->state, state_bytes(r));
    if (tangent->x) memcpy(tangent->to, tangent->state, state_bytes(r));
    return;
  }
  for (int u = 0; u < r->units; u += RECURRENT_BLOCK, packed += block_floats(r)) LANES(l)
  step_block(r, cell, value, tangent, packed, m_load(&present, l), u, l);
}

/* h (H, L) to point p of a sequence, zero where absent. */
INLINE void put_point(const Recurrent *r, float *y, const float *h, int p, uint16_t present) {
  for (long u = 0; u < r->units; u++) LANES(l)
  v_store(y + l, u * r->points + p, v_select(m_load(&present, l), v_load(h + l, u), v_set(0)));
}

/* Step k; states take turns in `turn` (2, states, H, L) where nothing is kept. */
INLINE Flow flow_at(const Recurrent *r, void *kept, float *turn, const float *x, int k,
                    uint16_t present) {
  size_t half = state_bytes(r) / sizeof(float);
  Flow flow = {.x = x + (size_t)point_of(r, k) * L,
               .state = turn + (k & 1) * half,
               .to = turn + (~k & 1) * half};
  if (!kept) return flow;
  Step step = step_at(r, kept, k);
  kept_present(r, kept)[k] = present;
  for (long f = 0; f < r->features; f++)
    memcpy(step.x + f * L, flow.x + f * r->points * L, L * sizeof(float));
  flow.state = step.state, flow.rows = step.rows, flow.to = step_at(r, kept, k + 1).state;
  return flow;
}

INLINE void put_end(const Recurrent *r, float *y, const float *state) {
  if (!r->sequence) memcpy(y, state, (size_t)r->units * L * sizeof(float));
}

/* kept may be NULL, and xt with all other tangents; those come with kept. */
INLINE void recurrent_forward(const Node *node, Cell cell, float *y, float *yt, void *kept,
                              void *kept_t, const float *x, const float *xt,
                              const float *packed) {
  _Alignas(64) float turn[2 * RECURRENT_STATES * RECURRENT_UNITS * L];
  const Recurrent r = recurrent_of(node, cell);
  Flow value = {0}, tangent = {0};
  memset(kept ? step_at(&r, kept, 0).state : turn, 0, state_bytes(&r));
  if (xt) memset(step_at(&r, kept_t, 0).state, 0, state_bytes(&r));
  for (int k = 0; k < r.points; k++) {
    int p = point_of(&r, k);
    uint16_t present = recurrent_present(&r, x + (size_t)p * L);
    value = flow_at(&r, kept, turn, x, k, present);
    if (xt) tangent = flow_at(&r, kept_t, turn, xt, k, present);
    step_forward(&r, cell, &value, &tangent, packed, present);
    if (r.sequence) put_point(&r, y, value.to, p, present);
    if (r.sequence && xt) put_point(&r, yt, tangent.to, p, present);
  }
  put_end(&r, y, value.to);
  if (xt) put_end(&r, yt, tangent.to);
}

/* ---- backward ---- */

/* d (states, H, L) += dy (H, L) where present; dy's units are `points` rows apart. */
INLINE void take_point(const Recurrent *r, float *d, const float *dy, uint16_t present) {
  for (long u = 0; u < r->units; u++) LANES(l) {
      vec more = v_select(m_load(&present, l), v_load(dy + l, u * r->points), v_set(0));
      v_store(d + l, u, v_load(d + l, u) + more);
    }
}

/* a (4, H, L): the gradient to the sums of a step, from what it kept; may be step->rows. Its
 * tangent replaces tangent->rows; NULL and dt NULL: there are no tangents. */
INLINE void step_backward(const Recurrent *r, Cell cell, float *a, float *d, float *dt,
                          const Step *step, const Step *tangent, uint16_t present) {
  long n = r->units;
  for (long u = 0; u < n; u++) LANES(l) {
      tvec row[RECURRENT_ROWS], old[RECURRENT_STATES], ds[RECURRENT_STATES];
      for (int g = 0; g < cell.rows; g++)
        row[g] = t_load(step->rows, tangent->rows, l, g * n + u);
      for (int i = 0; i < cell.states; i++) {
        old[i] = t_load(step->state, tangent->state, l, i * n + u);
        ds[i] = t_load(d, dt, l, i * n + u);
      }
      cell.backward(row, old, ds, m_load(&present, l));
      for (int i = 0; i < cell.states; i++) t_store(d, dt, l, i * n + u, ds[i]);
      for (int g = 0; g < RECURRENT_SUMS; g++) t_store(a, tangent->rows, l, g * n + u, row[g]);
    }
}

/* What of a step's gradient a (4, H, L) goes through the weights: d += to h; dx (F, L) unless
 * NULL, its features `points` rows apart. */
void recurrent_back(const Recurrent *r, float *d, float *dx, const float *a, const float *packed);

INLINE void start_back(const Recurrent *r, float *d, const float *dy) {
  memset(d, 0, state_bytes(r));
  if (!r->sequence) memcpy(d, dy, (size_t)r->units * L * sizeof(float));
}

INLINE void clear_point(const Recurrent *r, float *dx) {
  for (long f = 0; dx && f < r->features; f++)
    memset(dx + f * r->points * L, 0, L * sizeof(float));
}

INLINE float *point_at(const Recurrent *r, float *dx, int k) {
  return dx ? dx + (size_t)point_of(r, k) * L : NULL;
}

/* dx from dy. The gradients to the sums replace the rows that were kept if `store`, for
 * recurrent_gradient; their tangents do so always. dyt NULL: no tangents. */
INLINE void recurrent_backward(const Node *node, Cell cell, float *dx, float *dxt,
                               const float *dy, const float *dyt, void *kept, void *kept_t,
                               const float *packed, bool store) {
  _Alignas(64) float a[RECURRENT_SUMS * RECURRENT_UNITS * L];
  _Alignas(64) float d[RECURRENT_STATES * RECURRENT_UNITS * L];
  _Alignas(64) float dt[RECURRENT_STATES * RECURRENT_UNITS * L];
  const Recurrent r = recurrent_of(node, cell);
  start_back(&r, d, dy);
  if (dyt) start_back(&r, dt, dyt);
  for (int k = r.points; k-- > 0;) {
    Step step = step_at(&r, kept, k), tangent = {0};
    uint16_t present = kept_present(&r, kept)[k];
    float *sums = store ? step.rows : a, *to = point_at(&r, dx, k), *to_t = point_at(&r, dxt, k);
    if (!present) {
      clear_point(&r, to);
      clear_point(&r, to_t);
      continue;
    }
    if (dyt) tangent = step_at(&r, kept_t, k);
    if (r.sequence) take_point(&r, d, dy + (size_t)point_of(&r, k) * L, present);
    if (r.sequence && dyt) take_point(&r, dt, dyt + (size_t)point_of(&r, k) * L, present);
    step_backward(&r, cell, sums, d, dyt ? dt : NULL, &step, &tangent, present);
    recurrent_back(&r, d, to, sums, packed);
    if (dyt) recurrent_back(&r, dt, to_t, tangent.rows, packed);
  }
}

/* dw += from the gradients to the sums that a backward has stored and the inputs of each step, of
 * one tile; the biases' part, too, or not. Of what was kept it writes nothing. */
void recurrent_gradient(const Recurrent *r, float *dw, void *sums, void *inputs, bool biases);

#endif
