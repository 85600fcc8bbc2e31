/* A spectral weight is seen as a matrix W of R rows, the outputs, and as many columns as the
 * rest. In memory it is (A, R, B), A the product of the dimensions before the axis of the
 * outputs, B of those after it: A slices W_a (R, B), column (a, b). State: u (R), then v (A, B).
 *
 * All sums are in double and in an order that the shape alone decides; a product of two floats is
 * exact in double. */
#include <math.h>

#include "net/net.h"
#include "num/rng.h"

typedef struct Matrix {
  size_t a, r, b;
} Matrix;

static Matrix matrix_of(const Tensor *t) {
  Matrix m = {1, (size_t)t->dims[t->spectral_axis], 1};
  for (int d = 0; d < t->n_dims; d++) {
    if (d < t->spectral_axis) m.a *= (size_t)t->dims[d];
    if (d > t->spectral_axis) m.b *= (size_t)t->dims[d];
  }
  return m;
}

/* Sum of p q in eight interleaved parts, which are then added in pairs. */
static double dot(const float *p, const float *q, size_t n) {
  double part[8] = {0};
  size_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (int k = 0; k < 8; k++) part[k] += (double)p[i + k] * q[i + k];
  for (int k = 0; i < n; i++, k++) part[k] += (double)p[i] * q[i];
  return ((part[0] + part[4]) + (part[2] + part[6])) +
         ((part[1] + part[5]) + (part[3] + part[7]));
}

static void normalize(float *x, size_t n) {
  double norm = sqrt(dot(x, x, n)), inverse = 1 / (norm > 1e-12 ? norm : 1e-12);
  for (size_t i = 0; i < n; i++) x[i] = (float)(x[i] * inverse);
}

enum { COLUMNS = 64 }; /* sums of so many columns stay on the stack */

/* v[0..n-1] = the first n columns of W_a, each times u; B floats from row to row. */
static void column_sums(float *v, const float *w, const float *u, size_t rows, size_t b,
                        size_t n) {
  double sum[COLUMNS] = {0};
  for (size_t r = 0; r < rows; r++)
    for (size_t j = 0; j < n; j++) sum[j] += (double)w[r * b + j] * u[r];
  for (size_t j = 0; j < n; j++) v[j] = (float)sum[j];
}

/* v = W^T u, normalised */
static void make_v(float *v, Matrix m, const float *w, const float *u) {
  for (size_t a = 0; a < m.a; a++)
    for (size_t j = 0; j < m.b; j += COLUMNS) {
      size_t at = a * m.r * m.b + j;
      if (m.b - j >= COLUMNS)
        column_sums(v + a * m.b + j, w + at, u, m.r, m.b, COLUMNS);
      else
        column_sums(v + a * m.b + j, w + at, u, m.r, m.b, m.b - j);
    }
  normalize(v, m.a * m.b);
}

/* Row r of W, times v. */
static double row_sum(Matrix m, const float *w, const float *v, size_t r) {
  double sum = 0;
  for (size_t a = 0; a < m.a; a++) sum += dot(w + (a * m.r + r) * m.b, v + a * m.b, m.b);
  return sum;
}

/* u = W v, normalised */
static void make_u(float *u, Matrix m, const float *w, const float *v) {
  for (size_t r = 0; r < m.r; r++) u[r] = (float)row_sum(m, w, v, r);
  normalize(u, m.r);
}

static bool is_spectral(const Net *net, int i) {
  return net->spectral_offset[i + 1] > net->spectral_offset[i];
}

static Matrix matrix_at(const Net *net, int i) {
  return matrix_of(net_tensor(net, i, NULL, NULL));
}

void net_spectral_init(const Net *net, float *s, const float *w, uint64_t seed) {
  RngKey key = rng_key(seed, RNG_SPECTRAL);
  for (int i = 0; i < net->n_tensors; i++) {
    if (!is_spectral(net, i)) continue;
    Matrix m = matrix_at(net, i);
    float *u = s + net->spectral_offset[i];
    for (size_t r = 0; r < m.r; r++) {
      double normal[2];
      rng_normal2(normal, key, r, (uint32_t)i, 0);
      u[r] = (float)normal[0];
    }
    normalize(u, m.r);
    make_v(u + m.r, m, w + net->tensor_offset[i], u);
  }
}

void net_spectral_step(const Net *net, float *s, const float *w, int iterations) {
  for (int i = 0; i < net->n_tensors; i++) {
    if (!is_spectral(net, i)) continue;
    Matrix m = matrix_at(net, i);
    float *u = s + net->spectral_offset[i];
    for (int k = 0; k < iterations; k++) {
      make_v(u + m.r, m, w + net->tensor_offset[i], u);
      make_u(u, m, w + net->tensor_offset[i], u + m.r);
    }
  }
}

double net_spectral_sigma(const Net *net, int i, const float *w, const float *s) {
  if (!is_spectral(net, i)) return 1;
  Matrix m = matrix_at(net, i);
  const float *u = s + net->spectral_offset[i];
  double sigma = 0;
  for (size_t r = 0; r < m.r; r++)
    sigma += u[r] * row_sum(m, w + net->tensor_offset[i], u + m.r, r);
  return sigma;
}

/* dW = (dw - (sum of dw W / sigma) u v^T) / sigma */
static void through_sigma(float *dw, Matrix m, const float *w, const float *u, double sigma) {
  const float *v = u + m.r;
  double inverse = 1 / sigma, along = dot(dw, w, m.a * m.r * m.b) * inverse;
  for (size_t a = 0; a < m.a; a++)
    for (size_t r = 0; r < m.r; r++) {
      float *row = dw + (a * m.r + r) * m.b;
      double times_u = along * u[r];
      for (size_t b = 0; b < m.b; b++)
        row[b] = (float)((row[b] - times_u * v[a * m.b + b]) * inverse);
    }
}

void net_spectral_gradient(const Net *net, float *dw, const float *w, const float *s) {
  for (int i = 0; i < net->n_tensors; i++) {
    if (!is_spectral(net, i)) continue;
    size_t at = net->tensor_offset[i];
    through_sigma(dw + at, matrix_at(net, i), w + at, s + net->spectral_offset[i],
                  net_spectral_sigma(net, i, w, s));
  }
}
