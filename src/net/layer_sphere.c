/* The unit sphere: y = x / |x| over all features of a sample. The origin has no direction: it
 * goes to zero and passes no gradient, and so do vectors whose square is below the floats (|x| <
 * 1e-22). Kept: y (n, L), then |x| (L). */
#include "net/layer.h"
#include "num/vec.h"

static Err sphere_shape(Node *node) {
  node->out = node->in;
  return OK;
}

static size_t sphere_kept_size(const Node *node) {
  return (size_t)(shape_size(node->in) + 1) * L * sizeof(float);
}

INLINE vec sum_of_products(const float *a, const float *b, long n) {
  vec sum = v_set(0);
  for (long i = 0; i < n; i++) sum = v_fma(v_load(a, i), v_load(b, i), sum);
  return sum;
}

/* a / norm, 0 where the norm is 0 */
INLINE vec divided(vec a, vec norm) {
  const vec zero = v_set(0);
  return v_select(v_gt(norm, zero), a / v_select(v_gt(norm, zero), norm, v_set(1)), zero);
}

static void sphere_forward(const Node *node, float *y, void *kept, const float *x, const float *w,
                           const float *packed, Finish finish) {
  long n = shape_size(node->in);
  float *k = kept;
  LANES(l) {
    vec norm = v_sqrt(sum_of_products(x + l, x + l, n));
    for (long i = 0; i < n; i++) {
      vec v = divided(v_load(x + l, i), norm);
      v_store(y + l, i, v);
      if (k) v_store(k + l, i, v);
    }
    if (k) v_store(k + l, n, norm);
  }
}

/* dx = (dy - y (y . dy)) / |x| */
static void sphere_backward(const Node *node, float *dx, const float *dy, const void *kept,
                            const float *w, const float *packed, Finish finish) {
  long n = shape_size(node->in);
  const float *y = kept;
  LANES(l) {
    vec norm = v_load(y + l, n), along = sum_of_products(y + l, dy + l, n);
    for (long i = 0; i < n; i++)
      v_store(dx + l, i, divided(v_fma(-v_load(y + l, i), along, v_load(dy + l, i)), norm));
  }
}

/* With a = y . dy, b = y . xt, c = xt . dy:
 * dxt -= (a xt + b dy + (c - 3 a b) y) / |x|^2 */
static void sphere_bend(const Node *node, float *dxt, const float *dy, const float *xt,
                        const void *kept) {
  const float *y = kept;
  long n = shape_size(node->in);
  LANES(l) {
    vec norm = v_load(y + l, n), a = sum_of_products(y + l, dy + l, n);
    vec b = sum_of_products(y + l, xt + l, n), c = sum_of_products(xt + l, dy + l, n);
    vec along = v_fma(v_set(-3) * a, b, c);
    for (long i = 0; i < n; i++) {
      vec v = v_fma(a, v_load(xt + l, i), v_fma(b, v_load(dy + l, i), along * v_load(y + l, i)));
      v_store(dxt + l, i, v_load(dxt + l, i) - divided(divided(v, norm), norm));
    }
  }
}

const Layer PER_ISA(layer_sphere) = {
    .name = "sphere",
    .help = "the direction of the features: x / |x|",
    .shape = sphere_shape,
    .kept_size = sphere_kept_size,
    .forward = sphere_forward,
    .backward = sphere_backward,
    .code = CODE_SPHERE,
    .jacobian = JACOBIAN_SYMMETRIC,
    .bend = sphere_bend,
};
