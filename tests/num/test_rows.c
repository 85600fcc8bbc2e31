/* Rows: every ISA the bits of the C build; the C build what the words of the door say. */
#include "isa_pairs.h"
#include "num/rows.h"

enum { MAX = 1000 };
static const long SIZES[] = {1, 2, 3, 5, 16, 17, 40, 63, 333, 1000};
enum { SIZE_COUNT = sizeof SIZES / sizeof *SIZES };

typedef struct Input {
  float x[MAX * L] __attribute__((aligned(64)));
  float y[MAX * L] __attribute__((aligned(64)));
  float z[MAX * L] __attribute__((aligned(64)));
  float a[L];
  uint64_t id[L];
  RngKey key;
  uint32_t step;
  long n;
} Input;

static Input input;

static void make_input(long n) {
  uint64_t state = (uint64_t)n;
  test_fill(input.x, MAX * L, &state);
  test_fill(input.y, MAX * L, &state);
  for (int i = 0; i < MAX * L; i++) input.z[i] = fabsf(test_float(&state)) * 1e-6f;
  test_fill(input.a, L, &state);
  for (int l = 0; l < L; l++) input.id[l] = test_bits(&state);
  input.key = rng_key(test_bits(&state), RNG_X_CHAIN);
  input.step = (uint32_t)test_bits(&state);
  input.n = n;
}

/* ---- each row function as a writer of floats ---- */

static size_t bytes(const Input *in) { return (size_t)in->n * L * sizeof(float); }

static void run_gather(float *out, const void *p) {
  const Input *in = p;
  const float *sample[L];
  for (int l = 0; l < L; l++) sample[l] = in->x + l * in->n;
  rows()->gather(out, sample, in->n);
}
static void run_scatter(float *out, const void *p) {
  const Input *in = p;
  float *sample[L];
  for (int l = 0; l < L; l++) sample[l] = out + l * in->n;
  rows()->scatter(sample, in->x, in->n);
}
static void run_squares(float *out, const void *p) {
  const Input *in = p;
  double sum[L];
  rows()->squares(sum, out, in->y, in->x, 0.3f, in->n);
  memcpy(out + in->n * L, sum, sizeof sum);
}
static void run_dot(float *out, const void *p) {
  const Input *in = p;
  double sum[L];
  rows()->dot(sum, in->y, in->x, in->n);
  memcpy(out, sum, sizeof sum);
}
static void run_scale(float *out, const void *p) {
  const Input *in = p;
  memcpy(out, in->x, bytes(in));
  rows()->scale(out, in->a, in->n);
}
static void run_axpy(float *out, const void *p) {
  const Input *in = p;
  memcpy(out, in->y, bytes(in));
  rows()->axpy(out, in->a, in->x, in->n);
}
static void run_clamp(float *out, const void *p) {
  const Input *in = p;
  memcpy(out, in->x, bytes(in));
  rows()->clamp(out, -0.25f, 0.5f, in->n);
}
/* Three features; every lane its own points. */
static void run_clear_absent(float *out, const void *p) {
  Input *in = (Input *)p;
  long points = in->n / 3;
  for (long i = 0; i < 3 * points * L; i++)
    if (i / L % points % 7 > i % L % 7) in->x[i] = i % 2 ? 0.0f : -0.0f;
  memcpy(out, in->y, (size_t)(3 * points * L) * 4);
  rows()->clear_absent(out, in->x, 3, points);
  for (long i = 0; i < 3 * points * L; i++) {
    int absent = i / L % points % 7 > i % L % 7;
    if (out[i] != (absent ? 0 : in->y[i]))
      fail_msg("clear_absent: out[%ld] is %g", i, (double)out[i]);
  }
}
static void run_normals(float *out, const void *p) {
  const Input *in = p;
  rows()->normals(out, in->key, in->id, in->step, in->n);
}
static void run_uniforms(float *out, const void *p) {
  const Input *in = p;
  rows()->uniforms(out, in->key, in->id, in->step, in->n);
}
static void run_unit(float *out, const void *p) {
  const Input *in = p;
  memcpy(out, in->x, bytes(in));
  rows()->unit(out, in->n);
}
/* n parameters, no tile: w, m, v and the count */
static void run_adam(float *out, const void *p) {
  const Input *in = p;
  long n = in->n;
  memcpy(out, in->x, (size_t)n * 4);
  memcpy(out + n, in->y, (size_t)n * 4);
  memcpy(out + 2 * n, in->z, (size_t)n * 4);
  out[3 * n] = (float)rows()->adam(out, out + n, out + 2 * n, in->x + 500, n, 1e-3, 0.9, 0.999,
                                   0.1, 0.001, 1e-4, 0.01);
}
static void run_exact(float *out, const void *p) {
  const Input *in = p;
  int64_t sum[MAX];
  uint32_t largest = 7;
  for (int i = 0; i < MAX; i++) sum[i] = i;
  rows()->exact_add(sum, &largest, in->x, in->n, -20, 0x1p35f);
  rows()->exact_add(sum, &largest, in->y, in->n, -60, 1);
  memcpy(out, sum, (size_t)in->n * sizeof *sum);
  memcpy(out + 2 * in->n, &largest, sizeof largest);
}

/* Sums of all sizes: up to 2^62, and around the 2^53 that a double holds. */
static void run_exact_read(float *out, const void *p) {
  const Input *in = p;
  int64_t sum[MAX];
  for (long i = 0; i < in->n; i++) {
    memcpy(&sum[i], in->x + 2 * i, sizeof *sum);
    sum[i] = i % 3 ? sum[i] >> (i % 60 + 2) : (1ll << 53) - 4 + i % 9;
  }
  rows()->exact_read(out, sum, in->n, 0x1p-40);
}

static void test_same_bits(void **state) {
  for (int s = 0; s < SIZE_COUNT; s++) {
    size_t n = (size_t)SIZES[s];
    make_input(SIZES[s]);
    isa_pairs("gather", run_gather, &input, n * L);
    isa_pairs("scatter", run_scatter, &input, n * L);
    isa_pairs("squares", run_squares, &input, n * L + 2 * L);
    isa_pairs("dot", run_dot, &input, 2 * L);
    isa_pairs("scale", run_scale, &input, n * L);
    isa_pairs("axpy", run_axpy, &input, n * L);
    isa_pairs("clamp", run_clamp, &input, n * L);
    isa_pairs("clear_absent", run_clear_absent, &input, n / 3 * 3 * L);
    isa_pairs("normals", run_normals, &input, n * L);
    isa_pairs("uniforms", run_uniforms, &input, n * L);
    isa_pairs("unit", run_unit, &input, n * L);
    isa_pairs("adam", run_adam, &input, 3 * n + 1);
    isa_pairs("exact_add", run_exact, &input, 2 * n + 1);
    isa_pairs("exact_read", run_exact_read, &input, n);
  }
}

/* ---- and what they mean ---- */

static void test_tiles(void **state) {
  long n = 37;
  make_input(n);
  float x[37 * L] __attribute__((aligned(64))), back[L][37];
  const float *sample[L];
  float *to[L];
  for (int l = 0; l < L; l++) sample[l] = input.y + l * n, to[l] = back[l];
  rows()->gather(x, sample, n);
  rows()->scatter(to, x, n);
  for (int l = 0; l < L; l++)
    for (long i = 0; i < n; i++) {
      assert_memory_equal(&x[L * i + l], &sample[l][i], 4);
      assert_memory_equal(&back[l][i], &sample[l][i], 4);
    }
}

static void test_sums(void **state) {
  long n = 700;
  make_input(n);
  float r[700 * L] __attribute__((aligned(64)));
  double sum[L], product[L];
  for (long i = 0; i < n * L; i++) input.x[i] = input.z[i] * 1e6f, input.y[i] = -0.3f;
  rows()->squares(sum, r, input.y, input.x, 0.5f, n);
  rows()->dot(product, input.x, input.y, n);
  rows()->unit(input.x, n);
  for (int l = 0; l < L; l++) {
    long double square = 0, of_product = 0, norm = 0;
    for (long i = l; i < n * L; i += L) {
      long double x = input.z[i] * 1e6f;
      long double residual = (long double)-0.3f - x;
      assert_true(r[i] == (-0.3f - input.z[i] * 1e6f) * 0.5f);
      square += residual * residual;
      of_product += x * -0.3f;
      norm += (long double)input.x[i] * input.x[i];
    }
    assert_near(sum[l], square, 1e-13 * (double)square);
    assert_near(product[l], of_product, 1e-12);
    assert_near(norm, 1, 1e-6);
  }
}

static void test_clamp_keeps_nan(void **state) {
  float x[L] __attribute__((aligned(64))) = {NAN, -2, 2, 0.25f};
  rows()->clamp(x, -1, 1, 1);
  assert_true(isnan(x[0]));
  assert_true(x[1] == -1 && x[2] == 1 && x[3] == 0.25f);
}

/* Behind a number, before one, and without one: it never hides a point. */
static void test_points_with_nan(void **state) {
  _Alignas(64) float x[2 * L] = {3, NAN, NAN, 0, -2}, y[2 * L];
  const float left[] = {1, 1, 0, 0, 1};
  x[L] = NAN, x[L + 1] = 3;
  for (int i = 0; i < 2 * L; i++) y[i] = 1;
  rows()->clear_absent(y, x, 2, 1);
  for (int l = 0; l < 5; l++) assert_true(y[l] == left[l] && y[L + l] == left[l]);
}

/* The rows' own Philox is Random123's; Box-Muller is recomputed with libm. */
static void test_noise(void **state) {
  enum { N = 22 };
  float normal[N * L] __attribute__((aligned(64))), uniform[N * L] __attribute__((aligned(64)));
  make_input(N);
  rows()->normals(normal, input.key, input.id, input.step, N);
  rows()->uniforms(uniform, input.key, input.id, input.step, N);
  for (int i = 0; i < N; i++)
    for (int l = 0; l < L; l++) {
      uint32_t w[4];
      rng_bits(w, input.key, input.id[l], input.step, (uint32_t)i / 4);
      assert_true(uniform[L * i + l] == (float)((w[i % 4] >> 9) * 2 + 1) / 16777216);
      int pair = i % 4 / 2 * 2;
      double radius = sqrt(-2 * log((w[pair] + 0.5) / 4294967296));
      double angle = 2 * M_PI * (double)(int32_t)w[pair + 1] / 4294967296;
      double want = radius * (i % 2 ? sin(angle) : cos(angle));
      assert_near(normal[L * i + l], want, 2e-6);
    }
}

/* Moments and tails of a million normals; each within five standard errors. */
static void test_normal_moments(void **state) {
  enum { N = 1000, TILES = 64 };
  static float x[N * L] __attribute__((aligned(64)));
  double sum[5] = {0}, tail = 0, total = (double)N * L * TILES;
  for (uint64_t tile = 0; tile < TILES; tile++) {
    uint64_t id[L];
    for (int l = 0; l < L; l++) id[l] = tile * L + (uint64_t)l;
    rows()->normals(x, rng_key(1, RNG_Z_CHAIN), id, 3, N);
    for (int i = 0; i < N * L; i++) {
      for (int k = 1; k < 5; k++) sum[k] += pow(x[i], k);
      tail += fabsf(x[i]) > 3;
    }
  }
  double p = erfc(3 / sqrt(2));
  assert_near(sum[1] / total, 0, 5 / sqrt(total));
  assert_near(sum[2] / total, 1, 5 * sqrt(2 / total));
  assert_near(sum[3] / total, 0, 5 * sqrt(15 / total));
  assert_near(sum[4] / total, 3, 5 * sqrt(96 / total));
  assert_near(tail, total * p, 5 * sqrt(total * p));
}

/* Ten steps of AdamW from the formulas, in double. */
static void test_adam(void **state) {
  enum { N = 21 };
  float w[N], m[N] = {0}, v[N] = {0}, g[N];
  double w_ref[N], m_ref[N] = {0}, v_ref[N] = {0};
  uint64_t bits = 4;
  for (int i = 0; i < N; i++) w_ref[i] = w[i] = test_float(&bits);
  for (int t = 1; t <= 10; t++) {
    double c1 = 1 - pow(0.9, t), c2 = 1 - pow(0.999, t);
    long below = 0;
    for (int i = 0; i < N; i++) {
      g[i] = i % 7 ? test_float(&bits) : 0;
      m_ref[i] = 0.9 * m_ref[i] + 0.1 * (double)g[i];
      v_ref[i] = 0.999 * v_ref[i] + 0.001 * (double)g[i] * (double)g[i];
      double root = sqrt(v_ref[i] / c2);
      below += root < 1e-8;
      w_ref[i] -= 0.01 * (m_ref[i] / c1) / (root + 1e-8) + 0.01 * 0.1 * w_ref[i];
    }
    assert_int_equal(rows()->adam(w, m, v, g, N, 0.01, 0.9, 0.999, c1, c2, 1e-8, 0.1), below);
  }
  for (int i = 0; i < N; i++) assert_near(w[i], w_ref[i], 2e-6);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_same_bits), cmocka_unit_test(test_tiles),
      cmocka_unit_test(test_sums),      cmocka_unit_test(test_clamp_keeps_nan),
      cmocka_unit_test(test_noise),     cmocka_unit_test(test_normal_moments),
      cmocka_unit_test(test_adam),      cmocka_unit_test(test_points_with_nan),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
