/* Pooling over windows of kernel x kernel, without padding; a last incomplete window is dropped.
 *
 * The winner of a maximum is found in a fixed scan, row by row: a later element wins when it is
 * strictly greater. Kept: for each output site one mask for each element but the first, "this
 * one beat all before it": the last mask that is set names the winner. */
#include <string.h>

#include "base/whole.h"
#include "net/finish.h"

enum { KERNEL, STRIDE };

static const Attr pool_attrs[] = {{.name = "kernel",
                                   .kind = ATTR_INT,
                                   .fallback = 2,
                                   .min = 1,
                                   .max = 64,
                                   .help = "height and width of the window"},
                                  {.name = "stride",
                                   .kind = ATTR_INT,
                                   .fallback = 0,
                                   .min = 0,
                                   .max = 64,
                                   .help = "from window to window, 0: the kernel"},
                                  {0}};

static int pool_stride(const Node *node) {
  return (int)(node->attr[STRIDE] ? node->attr[STRIDE] : node->attr[KERNEL]);
}

static Err pool_shape(Node *node) {
  int k = (int)node->attr[KERNEL], s = pool_stride(node);
  Shape in = node->in;
  if (in.h < k || in.w < k)
    return err_user("found an input of %d x %d x %d, want height and width of at least the "
                    "kernel, %d",
                    in.c, in.h, in.w, k);
  node->out = (Shape){in.c, (in.h - k) / s + 1, (in.w - k) / s + 1};
  return OK;
}

static size_t max_kept_size(const Node *node) {
  size_t k = (size_t)node->attr[KERNEL];
  size_t bytes = (size_t)shape_size(node->out) * (k * k - 1) * sizeof(uint16_t);
  return whole_lines(bytes);
}

/* Whether every input lies in exactly one window. */
static bool pool_covers(const Node *node) {
  int k = (int)node->attr[KERNEL];
  return pool_stride(node) == k && node->in.h % k == 0 && node->in.w % k == 0;
}

/* ---- one window: x points at its first element, `row` sites from row to row ---- */

typedef vec (*Gather)(int k, const float *x, long row, uint16_t *won, int l);

INLINE vec max_gather(int k, const float *x, long row, uint16_t *won, int l) {
  vec best = v_load(x, 0);
  for (int p = 1; p < k * k; p++) {
    vec v = v_load(x, p / k * row + p % k);
    mask beats = v_gt(v, best);
    if (won) m_store(won + p - 1, l, beats);
    best = v_select(beats, v, best);
  }
  return best;
}

INLINE vec average_gather(int k, const float *x, long row, uint16_t *won, int l) {
  vec sum = v_load(x, 0);
  for (int p = 1; p < k * k; p++) sum = sum + v_load(x, p / k * row + p % k);
  return sum * v_set(1.0f / (float)(k * k));
}

/* What element p gets of the gradient *rest that elements 0..p share; it is taken away. */
typedef vec (*Spread)(int k, vec *rest, int p, const uint16_t *won, int l);

INLINE vec max_spread(int k, vec *rest, int p, const uint16_t *won, int l) {
  if (p == 0) return *rest;
  const vec zero = v_set(0);
  mask here = m_load(won + p - 1, l);
  vec v = v_select(here, *rest, zero);
  *rest = v_select(here, zero, *rest);
  return v;
}

INLINE vec average_spread(int k, vec *rest, int p, const uint16_t *won, int l) {
  return *rest * v_set(1.0f / (float)(k * k));
}

/* ---- all windows ---- */

INLINE void pool_forward(Gather gather, int k, int kind, const Node *node, float *y,
                         uint16_t *won, const float *x, Finish f) {
  Shape in = node->in, out = node->out;
  long stride = pool_stride(node), site = 0;
  for (long r = 0; r < (long)out.c * out.h; r++) {
    const float *first = x + L * in.w * (r / out.h * in.h + r % out.h * stride);
    for (int j = 0; j < out.w; j++, site++) LANES(l) {
        vec v =
            gather(k, first + L * j * stride + l, in.w, won ? won + site * (k * k - 1) : NULL, l);
        v_store(y + l, site, finish_row(kind, f, v, site, l));
      }
  }
}

/* covers: each dx is written once, and finished then; else dx starts as zeros and sums up. */
INLINE void pool_backward(Spread spread, int k, bool covers, int kind, const Node *node,
                          float *dx, const float *dy, const uint16_t *won, Finish f) {
  Shape in = node->in, out = node->out;
  long stride = pool_stride(node), site = 0;
  for (long r = 0; r < (long)out.c * out.h; r++) {
    long first = in.w * (r / out.h * in.h + r % out.h * stride);
    for (int j = 0; j < out.w; j++, site++) LANES(l) {
        vec rest = v_load(dy + l, site);
        for (int p = k * k - 1; p >= 0; p--) {
          long to = first + j * stride + p / k * in.w + p % k;
          vec v = spread(k, &rest, p, won ? won + site * (k * k - 1) : NULL, l);
          if (covers)
            v = finish_row(kind, f, v, to, l);
          else
            v = v + v_load(dx + l, to);
          v_store(dx + l, to, v);
        }
      }
  }
}

/* The kernel of 2 as a constant, for speed. */
INLINE void pool_forward_any(Gather gather, const Node *node, float *y, uint16_t *won,
                             const float *x, Finish f) {
  int k = (int)node->attr[KERNEL];
  if (f.kind == FINISH_NONE && k == 2)
    pool_forward(gather, 2, FINISH_NONE, node, y, won, x, f);
  else if (f.kind == FINISH_NONE)
    pool_forward(gather, k, FINISH_NONE, node, y, won, x, f);
  else
    pool_forward(gather, k, FINISH_LEAK, node, y, won, x, f);
}

INLINE void pool_backward_any(Spread spread, const Node *node, float *dx, const float *dy,
                              const uint16_t *won, Finish f) {
  int k = (int)node->attr[KERNEL];
  if (pool_covers(node)) {
    if (f.kind == FINISH_NONE && k == 2)
      pool_backward(spread, 2, true, FINISH_NONE, node, dx, dy, won, f);
    else if (f.kind == FINISH_NONE)
      pool_backward(spread, k, true, FINISH_NONE, node, dx, dy, won, f);
    else if (k == 2)
      pool_backward(spread, 2, true, FINISH_MASK, node, dx, dy, won, f);
    else
      pool_backward(spread, k, true, FINISH_MASK, node, dx, dy, won, f);
    return;
  }
  long n = shape_size(node->in);
  memset(dx, 0, (size_t)n * L * sizeof(float));
  pool_backward(spread, k, false, FINISH_NONE, node, dx, dy, won, f);
  if (f.kind == FINISH_MASK) finish_mask(f, dx, n);
}

static void max_forward(const Node *node, float *y, void *kept, const float *x, const float *w,
                        const float *packed, Finish finish) {
  pool_forward_any(max_gather, node, y, kept, x, finish);
}

static void max_backward(const Node *node, float *dx, const float *dy, const void *kept,
                         const float *w, const float *packed, Finish finish) {
  pool_backward_any(max_spread, node, dx, dy, kept, finish);
}

/* The tangents of the winners. */
static void max_forward_dual(const Node *node, float *y, float *yt, void *kept, void *kept_t,
                             const float *x, const float *xt, const float *w,
                             const float *packed) {
  Shape in = node->in, out = node->out;
  int k = (int)node->attr[KERNEL];
  long stride = pool_stride(node), site = 0;
  const uint16_t *won = kept;
  max_forward(node, y, kept, x, w, packed, (Finish){0});
  for (long r = 0; r < (long)out.c * out.h; r++) {
    const float *first = xt + L * in.w * (r / out.h * in.h + r % out.h * stride);
    for (int j = 0; j < out.w; j++, site++, won += k * k - 1) LANES(l) {
        const float *window = first + L * j * stride + l;
        vec v = v_load(window, 0);
        for (int p = 1; p < k * k; p++)
          v = v_select(m_load(won + p - 1, l), v_load(window, p / k * in.w + p % k), v);
        v_store(yt + l, site, v);
      }
  }
}

static void average_forward(const Node *node, float *y, void *kept, const float *x,
                            const float *w, const float *packed, Finish finish) {
  pool_forward_any(average_gather, node, y, NULL, x, finish);
}

static void average_backward(const Node *node, float *dx, const float *dy, const void *kept,
                             const float *w, const float *packed, Finish finish) {
  pool_backward_any(average_spread, node, dx, dy, NULL, finish);
}

const Layer PER_ISA(layer_max_pool2d) = {
    .name = "max_pool2d",
    .help = "the largest of each window",
    .attrs = pool_attrs,
    .shape = pool_shape,
    .kept_size = max_kept_size,
    .forward = max_forward,
    .backward = max_backward,
    .forward_dual = max_forward_dual,
    .takes_finish = true,
};

const Layer PER_ISA(layer_avg_pool2d) = {
    .name = "avg_pool2d",
    .help = "the mean of each window",
    .attrs = pool_attrs,
    .shape = pool_shape,
    .forward = average_forward,
    .backward = average_backward,
    .jacobian = JACOBIAN_FORWARD,
    .takes_finish = true,
};
