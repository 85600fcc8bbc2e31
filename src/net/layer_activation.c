/* Activations, element by element. The leaky ones keep a sign per element and may be taken over
 * by the layer before or after them (net/finish.h); the smooth ones keep their output, from which
 * all their derivatives follow. */
#include "base/whole.h"
#include "net/finish.h"

static Err same_shape(Node *node) {
  node->out = node->in;
  return OK;
}

/* ---- leaky: y = x > 0 ? x : slope x ---- */

static size_t signs_size(const Node *node) {
  return whole_lines((size_t)shape_size(node->in) * sizeof(uint16_t));
}

static void leak_forward(const Node *node, float *y, void *kept, const float *x, const float *w,
                         const float *packed, Finish finish) {
  Finish leak = {FINISH_LEAK, node->op->leak(node, w), kept};
  long n = shape_size(node->in);
  for (long i = 0; i < n; i++)
    LANES(l) v_store(y + l, i, finish_row(FINISH_LEAK, leak, v_load(x + l, i), i, l));
}

static void leak_backward(const Node *node, float *dx, const float *dy, const void *kept,
                          const float *w, const float *packed, Finish finish) {
  Finish leak = {FINISH_MASK, node->op->leak(node, w), (uint16_t *)kept};
  long n = shape_size(node->in);
  for (long i = 0; i < n; i++)
    LANES(l) v_store(dx + l, i, finish_row(FINISH_MASK, leak, v_load(dy + l, i), i, l));
}

static float relu_leak(const Node *node, const float *w) { return 0; }
static float leaky_relu_leak(const Node *node, const float *w) { return (float)node->attr[0]; }

/* A slope that tells the input from the output: where it is 0 or next to it, nearly 0. */
static float prelu_leak(const Node *node, const float *w) {
  const float least = 1e-20f;
  if (w[0] >= least || w[0] <= -least) return w[0];
  return w[0] < 0 ? -least : least;
}

static Err prelu_shape(Node *node) {
  node_tensor(node, "slope", 1, (const int[]){1})->value = 0.25;
  return same_shape(node);
}

/* dx (NULL: not wanted) from dy; returns sum plus the sum over elements of dy y where x <= 0, in
 * parts of 64 elements so that rounding stays small. */
INLINE vec slope_sum(float *dx, const float *y, const float *dy, Finish leak, long n, int l,
                     vec sum) {
  const vec zero = v_set(0), slope = v_set(leak.slope);
  for (long from = 0; from < n; from += 64) {
    vec part = zero;
    for (long i = from; i < n && i < from + 64; i++) {
      mask above = m_load(leak.sign + i, l);
      vec d = v_load(dy + l, i);
      part = v_fma(d, v_select(above, zero, v_load(y + l, i)), part);
      if (dx) v_store(dx + l, i, v_select(above, d, d * slope));
    }
    sum = sum + part;
  }
  return sum;
}

/* x holds outputs, which are slope times the inputs where those are not above zero. */
static void prelu_gradient(const Node *node, float *dw, float *const *dx, const float *const *x,
                           const float *const *dy, void *const *kept, int tiles, const float *w,
                           const float *packed) {
  float lane[L] __attribute__((aligned(64)));
  Finish leak = {FINISH_MASK, prelu_leak(node, w), NULL};
  LANES(l) {
    vec sum = v_set(0);
    for (int t = 0; t < tiles; t++) {
      leak.sign = kept[t];
      sum = slope_sum(dx ? dx[t] : NULL, x[t], dy[t], leak, shape_size(node->in), l, sum);
    }
    v_store(lane + l, 0, sum);
  }
  float sum = 0;
  for (int l = 0; l < L; l++) sum += lane[l];
  dw[0] += sum / leak.slope;
}

static const Attr leaky_relu_attrs[] = {{.name = "slope",
                                         .kind = ATTR_REAL,
                                         .fallback = 0.01,
                                         .min = -1e6,
                                         .max = 1e6,
                                         .help = "factor below zero"},
                                        {0}};

#define LEAKY_LAYER(type, text, ...)                                                             \
  const Layer PER_ISA(layer_##type) = {.name = #type,                                            \
                                       .help = text,                                             \
                                       .kept_size = signs_size,                                  \
                                       .forward = leak_forward,                                  \
                                       .backward = leak_backward,                                \
                                       .jacobian = JACOBIAN_SYMMETRIC,                           \
                                       .leak = type##_leak,                                      \
                                       __VA_ARGS__}
LEAKY_LAYER(relu, "max(x, 0)", .shape = same_shape);
LEAKY_LAYER(leaky_relu, "x above zero, slope x below", .shape = same_shape,
            .attrs = leaky_relu_attrs);
LEAKY_LAYER(prelu, "leaky with one trained slope for the layer, 0.25 at first",
            .shape = prelu_shape, .gradient_backward = prelu_gradient);

/* ---- smooth: a value of x, and as functions of the value the slope there and its slope ---- */

typedef vec (*Curve)(vec v, vec alpha);

INLINE vec elu_value(vec x, vec alpha) {
  return v_select(v_gt(x, v_set(0)), x, alpha * v_expm1(v_min(x, v_set(0))));
}
INLINE vec elu_slope(vec y, vec alpha) {
  return v_select(v_gt(y, v_set(0)), v_set(1), y + alpha);
}
INLINE vec elu_bend(vec y, vec alpha) { return v_select(v_gt(y, v_set(0)), v_set(0), y + alpha); }

INLINE vec sigmoid_value(vec x, vec alpha) { return v_set(1) / (v_set(1) + v_exp(-x)); }
INLINE vec sigmoid_slope(vec y, vec alpha) { return y * (v_set(1) - y); }
INLINE vec sigmoid_bend(vec y, vec alpha) {
  return sigmoid_slope(y, alpha) * v_fma(v_set(-2), y, v_set(1));
}

INLINE vec tanh_value(vec x, vec alpha) { return v_tanh(x); }
INLINE vec tanh_slope(vec y, vec alpha) { return v_fma(-y, y, v_set(1)); }
INLINE vec tanh_bend(vec y, vec alpha) { return v_set(-2) * y * tanh_slope(y, alpha); }

/* log(1 + e^x), its slope s = 1 - e^-y, that one's s (1 - s) */
INLINE vec softplus_value(vec x, vec alpha) {
  return v_max(x, v_set(0)) + v_log1p(v_exp(v_min(x, -x)));
}
INLINE vec softplus_slope(vec y, vec alpha) { return -v_expm1(-y); }
INLINE vec softplus_bend(vec y, vec alpha) { return softplus_slope(y, alpha) * v_exp(-y); }

static size_t value_size(const Node *node) {
  return (size_t)shape_size(node->in) * L * sizeof(float);
}

INLINE void smooth_forward(Curve value, const Node *node, float *y, float *kept, const float *x) {
  vec alpha = v_set((float)node->attr[0]);
  long n = shape_size(node->in);
  for (long i = 0; i < n; i++) LANES(l) {
      vec v = value(v_load(x + l, i), alpha);
      v_store(y + l, i, v);
      if (kept) v_store(kept + l, i, v);
    }
}

INLINE void smooth_backward(Curve slope, const Node *node, float *dx, const float *dy,
                            const float *kept) {
  vec alpha = v_set((float)node->attr[0]);
  long n = shape_size(node->in);
  for (long i = 0; i < n; i++)
    LANES(l) v_store(dx + l, i, v_load(dy + l, i) * slope(v_load(kept + l, i), alpha));
}

INLINE void smooth_bend(Curve bend, const Node *node, float *dxt, const float *dy,
                        const float *xt, const float *kept) {
  vec alpha = v_set((float)node->attr[0]);
  long n = shape_size(node->in);
  for (long i = 0; i < n; i++) LANES(l) {
      vec v = v_load(dy + l, i) * v_load(xt + l, i);
      v_store(dxt + l, i, v_fma(v, bend(v_load(kept + l, i), alpha), v_load(dxt + l, i)));
    }
}

static const Attr elu_attrs[] = {{.name = "alpha",
                                  .kind = ATTR_REAL,
                                  .fallback = 1,
                                  .min = 0,
                                  .max = 1e6,
                                  .help = "minus the limit far below zero"},
                                 {0}};

#define SMOOTH_LAYER(type, text, ...)                                                            \
  static void type##_forward(const Node *node, float *y, void *kept, const float *x,             \
                             const float *w, const float *packed, Finish finish) {               \
    smooth_forward(type##_value, node, y, kept, x);                                              \
  }                                                                                              \
  static void type##_backward(const Node *node, float *dx, const float *dy, const void *kept,    \
                              const float *w, const float *packed, Finish finish) {              \
    smooth_backward(type##_slope, node, dx, dy, kept);                                           \
  }                                                                                              \
  static void type##_bends(const Node *node, float *dxt, const float *dy, const float *xt,       \
                           const void *kept) {                                                   \
    smooth_bend(type##_bend, node, dxt, dy, xt, kept);                                           \
  }                                                                                              \
  const Layer PER_ISA(layer_##type) = {.name = #type,                                            \
                                       .help = text,                                             \
                                       .shape = same_shape,                                      \
                                       .kept_size = value_size,                                  \
                                       .forward = type##_forward,                                \
                                       .backward = type##_backward,                              \
                                       .jacobian = JACOBIAN_SYMMETRIC,                           \
                                       .bend = type##_bends,                                     \
                                       __VA_ARGS__}
SMOOTH_LAYER(elu, "x above zero, alpha (e^x - 1) below", .attrs = elu_attrs);
SMOOTH_LAYER(sigmoid, "1 / (1 + e^-x)", .attrs = NULL);
SMOOTH_LAYER(tanh, "hyperbolic tangent", .attrs = NULL);
SMOOTH_LAYER(softplus, "log(1 + e^x)", .attrs = NULL);
