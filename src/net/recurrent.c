#include "net/recurrent.h"

#include <math.h>

#include "base/whole.h"
#include "net/lanes.h"
#include "net/product.h"
#include "num/point.h"

/* ---- shapes ---- */

Err recurrent_shape(Node *node, int gates) {
  int units = (int)node->attr[RECURRENT_ATTR_UNITS], rows = gates * units;
  Shape in = node->in;
  if (in.h != 1)
    return err_user("found %d x %d x %d coming in, want a sequence, features x 1 x points; a "
                    "reshape makes one of an image",
                    in.c, in.h, in.w);
  node->out = (Shape){units, 1, node->attr[RECURRENT_RETURNS] ? in.w : 1};
  node_tensor(node, "weight_ih", 2, (int[]){rows, in.c});
  node_tensor(node, "weight_hh", 2, (int[]){rows, units});
  node_tensor(node, "bias_ih", 1, &rows);
  node_tensor(node, "bias_hh", 1, &rows);
  for (int t = 0; t < node->n_tensors; t++) node->tensor[t].bound = 1 / sqrt(units);
  return OK;
}

/* A masked sequence is zero where its input is; so are absent points for whoever reads it. */
int recurrent_points(const Node *node) {
  if (!node->attr[RECURRENT_MASKED]) return 0;
  return POINTS_READ | (node->attr[RECURRENT_RETURNS] ? POINTS_LEAVE : 0);
}

Recurrent recurrent_of(const Node *node, Cell cell) {
  return (Recurrent){.gates = cell.gates,
                     .states = cell.states,
                     .rows = cell.rows,
                     .units = (int)node->attr[RECURRENT_ATTR_UNITS],
                     .features = node->in.c,
                     .points = node->in.w,
                     .sequence = node->attr[RECURRENT_RETURNS] != 0,
                     .masked = node->attr[RECURRENT_MASKED] != 0,
                     .reverse = node->attr[RECURRENT_REVERSE] != 0};
}

size_t recurrent_kept_size(const Recurrent *r) {
  return (size_t)(r->points + 1) * step_floats(r) * sizeof(float) +
         whole_lines((size_t)r->points * sizeof(uint16_t));
}

uint16_t recurrent_present(const Recurrent *r, const float *x) {
  uint16_t present = 0xffff;
  if (!r->masked) return present;
  LANES(l) m_store(&present, l, point_there(x + l, r->features, r->points));
  return present;
}

/* ---- packing: forward's blocks; back to h; back to x ---- */

/* Outputs of a block coming back. */
enum { BACK = VL == 16 ? 16 : VL == 8 ? 12 : 4 };

static long blocks(long n, long block) { return (n + block - 1) / block; }

static long forward_size(const Recurrent *r) {
  return (blocks(r->units, RECURRENT_BLOCK) * block_floats(r) + L - 1) / L * L;
}

static long back_size(const Recurrent *r, long outs) {
  return (blocks(outs, BACK) * BACK * r->gates * r->units + L - 1) / L * L;
}

size_t recurrent_packed_size(const Recurrent *r) {
  return (size_t)(forward_size(r) + back_size(r, r->units) + back_size(r, r->features));
}

/* The tensors, one after another. */
typedef struct Tensors {
  const float *ih, *hh, *b_ih, *b_hh;
} Tensors;

static Tensors tensors_of(const Recurrent *r, const float *w) {
  long rows = (long)r->gates * r->units;
  const float *hh = w + rows * r->features, *b = hh + rows * r->units;
  return (Tensors){w, hh, b, b + rows};
}

/* What a sum starts from: both biases, where both parts go to one sum. */
static float start(const Recurrent *r, Tensors w, int sum, long u) {
  int last = r->gates - 1;
  bool fed_by_x = sum <= last, fed_by_h = sum < last || sum == RECURRENT_SUMS - 1;
  float b = fed_by_x ? w.b_ih[sum * r->units + u] : 0;
  return fed_by_h ? b + w.b_hh[(sum < last ? sum : last) * r->units + u] : b;
}

/* Rows of all gates for each of n inputs, units u .. u + RECURRENT_BLOCK - 1. */
static float *pack_rows(const Recurrent *r, float *packed, const float *w, long n, long u) {
  for (long i = 0; i < n; i++)
    for (long g = 0; g < r->gates; g++)
      for (long k = u; k < u + RECURRENT_BLOCK; k++)
        *packed++ = k < r->units ? w[(g * r->units + k) * n + i] : 0;
  return packed;
}

static void pack_back(const Recurrent *r, float *packed, const float *w, long outs) {
  for (long o = 0; o < outs; o += BACK)
    for (long row = 0; row < (long)r->gates * r->units; row++)
      for (long k = o; k < o + BACK; k++) *packed++ = k < outs ? w[row * outs + k] : 0;
}

void recurrent_pack(const Recurrent *r, float *packed, const float *w) {
  Tensors t = tensors_of(r, w);
  float *at = packed;
  for (long u = 0; u < r->units; u += RECURRENT_BLOCK) {
    for (int sum = 0; sum < RECURRENT_SUMS; sum++)
      for (long k = u; k < u + RECURRENT_BLOCK; k++)
        *at++ = k < r->units ? start(r, t, sum, k) : 0;
    at = pack_rows(r, at, t.ih, r->features, u);
    at = pack_rows(r, at, t.hh, r->units, u);
  }
  packed += forward_size(r);
  pack_back(r, packed, t.hh, r->units);
  pack_back(r, packed + back_size(r, r->units), t.ih, r->features);
}

/* ---- back through the weights ---- */

INLINE const float *add_rows(vec y[BACK], const float *w, const float *a, long n) {
  for (long i = 0; i < n; i++, w += BACK) {
    vec row = v_load(a, i);
    UNROLL(16)
    for (int k = 0; k < BACK; k++) y[k] = v_fma(row, v_set(w[k]), y[k]);
  }
  return w;
}

/* y[o] = from[o] + sum over the gates' rows of w[row][o] a[row], the last gate's being those of
 * sum `last`; from NULL: zeros. y and from lie `stride` rows apart. */
static void back(const Recurrent *r, float *y, const float *from, long stride, const float *a,
                 int last, const float *packed, long outs) {
  long n = r->units, shared = (r->gates - 1) * n, block = BACK * r->gates * n;
  for (long o = 0; o < outs; o += BACK, packed += block) LANES(l) {
      vec v[BACK];
      UNROLL(16)
      for (int k = 0; k < BACK; k++)
        v[k] = from && o + k < outs ? v_load(from + l, (o + k) * stride) : v_set(0);
      const float *w = add_rows(v, packed, a + l, shared);
      add_rows(v, w, a + last * n * L + l, n);
      UNROLL(16)
      for (int k = 0; k < BACK; k++)
        if (o + k < outs) v_store(y + l, (o + k) * stride, v[k]);
    }
}

void recurrent_back(const Recurrent *r, float *d, float *dx, const float *a,
                    const float *packed) {
  packed += forward_size(r);
  back(r, d, d, 1, a, RECURRENT_SUMS - 1, packed, r->units);
  packed += back_size(r, r->units);
  if (dx) back(r, dx, NULL, r->points, a, r->gates - 1, packed, r->features);
}

/* ---- gradient to the weights ---- */

enum { STEPS = 8 }; /* as many go into one product */

/* dw (gates H, ins) += sum over steps, then lanes, of a[row] x[i], the rows of the last gate
 * being those of sum `last`; a, x: (steps) arrays. */
static void add_product(const Recurrent *r, float *dw, const float *const *a, int last,
                        const float *const *x, long ins, int steps) {
  const float *a_last[STEPS];
  long shared = (long)(r->gates - 1) * r->units;
  for (int k = 0; k < steps; k++) a_last[k] = a[k] + (long)last * r->units * L;
  product_gradient(dw, a, x, shared, ins, steps);
  product_gradient(dw + shared * ins, a_last, x, r->units, ins, steps);
}

/* sum (4, H, L) += a (4, H, L) of the steps */
static void add_sums(float *sum, const float *const *a, long rows, int steps) {
  for (long i = 0; i < rows; i++) LANES(l) {
      vec v = v_load(sum + l, i);
      for (int k = 0; k < steps; k++) v = v + v_load(a[k] + l, i);
      v_store(sum + l, i, v);
    }
}

/* Both biases from the sums over time: db (gates H) of each. */
static void add_biases(const Recurrent *r, float *db, const float *sum) {
  long units = r->units, shared = (r->gates - 1) * units;
  long skipped = (RECURRENT_SUMS - r->gates) * units;
  for (long i = 0; i < shared + units; i++) {
    db[i] += lanes_sum(sum + i * L);
    db[shared + units + i] += lanes_sum(sum + (i < shared ? i : i + skipped) * L);
  }
}

void recurrent_gradient(const Recurrent *r, float *dw, void *sums, void *inputs, bool biases) {
  _Alignas(64) float sum[RECURRENT_SUMS * RECURRENT_UNITS * L];
  const float *a[STEPS], *x[STEPS], *h[STEPS];
  const uint16_t *present = kept_present(r, sums);
  long rows = RECURRENT_SUMS * r->units;
  float *dw_hh = dw + (long)r->gates * r->units * r->features;
  memset(sum, 0, (size_t)rows * L * sizeof(float));
  for (int k = 0, n = 0; k < r->points; k++) {
    Step from = step_at(r, inputs, k);
    a[n] = step_at(r, sums, k).rows, x[n] = from.x, h[n] = from.state;
    n += present[k] != 0;
    if (n < STEPS && (k + 1 < r->points || !n)) continue;
    if (biases) add_sums(sum, a, rows, n);
    add_product(r, dw, a, r->gates - 1, x, r->features, n);
    add_product(r, dw_hh, a, RECURRENT_SUMS - 1, h, r->units, n);
    n = 0;
  }
  if (biases) add_biases(r, dw_hh + (long)r->gates * r->units * r->units, sum);
}
