/* Exact sums: against integer arithmetic of 128 bits, over any split into ranks, with overflow
 * and redo, and what must never be cast. */
#include "isa_pairs.h"
#include "num/exact.h"

enum { TENSORS = 3, LEAVES = 37 };
static const size_t OFFSET[TENSORS + 1] = {0, 40, 41, 150};
enum { N = 150 };

typedef __int128 Wide; /* in units of 2^-100 */

/* x rounded to a multiple of 2^unit, ties to even, by shifting its digits. */
static Wide round_to(float x, int unit) {
  int e;
  int64_t digits = (int64_t)ldexp(frexpf(fabsf(x), &e), 24);
  Wide wide = (Wide)digits << (e - 24 + 100), u = (Wide)1 << (unit + 100);
  Wide down = wide / u, rest = wide % u;
  if (rest > u - rest || (rest == u - rest && down % 2)) down++;
  return x < 0 ? -down * u : down * u;
}

/* The float nearest to a wide sum, ties to even. */
static float to_float(Wide sum) {
  Wide magnitude = sum < 0 ? -sum : sum;
  int shift = 0;
  while (magnitude >> shift >= 1 << 24) shift++;
  Wide digits = magnitude >> shift, rest = magnitude - (digits << shift);
  Wide half = shift ? (Wide)1 << (shift - 1) : 1;
  if (rest > half || (rest == half && shift && digits % 2)) digits++;
  float x = (float)ldexp((double)digits, shift - 100);
  return sum < 0 ? -x : x;
}

/* Leaves whose values span 30 binary orders, so that the grid cuts digits off. */
static void make_leaves(float g[LEAVES][N], float scale, uint64_t seed) {
  for (int k = 0; k < LEAVES; k++)
    for (int i = 0; i < N; i++) {
      float x = test_float(&seed);
      g[k][i] = scale * ldexpf(x, -(int)(test_bits(&seed) % 30));
    }
  for (int k = 0; k < LEAVES; k++) g[k][40] = 0; /* the second tensor is all zero */
}

/* `ranks` ranks, each with its own sum, take the leaves as a shuffled order deals them out. */
static ExactVerdict add_all(ExactGrid *grid, ExactSum *total, float g[LEAVES][N], int ranks,
                            uint64_t seed, int used[TENSORS]) {
  int order[LEAVES];
  for (int k = 0; k < LEAVES; k++) {
    int j = (int)(test_bits(&seed) % (uint64_t)(k + 1));
    order[k] = order[j], order[j] = k;
  }
  exact_clear(total, grid);
  for (int rank = 0; rank < ranks; rank++) {
    ExactSum mine = exact_new(grid);
    for (int k = rank; k < LEAVES; k += ranks) exact_add(&mine, grid, g[order[k]]);
    exact_merge(total, &mine, grid, 77, N);
    exact_merge(total, &mine, grid, 0, 77);
    exact_free(&mine);
  }
  return exact_judge(grid, total, used);
}

static void test_against_integers(void **state) {
  static float g[LEAVES][N];
  int exponent[TENSORS], used[TENSORS];
  float out[N], first[N];
  ExactGrid grid;
  exact_grid_init(&grid, TENSORS, OFFSET, exponent);
  exact_set_leaves(&grid, LEAVES);
  assert_int_equal(grid.bits, 62 - 6);
  make_leaves(g, 3, 11);
  ExactSum total = exact_new(&grid);
  for (int ranks = 1; ranks <= 7; ranks++) {
    exact_grid_init(&grid, TENSORS, OFFSET, exponent);
    exact_set_leaves(&grid, LEAVES);
    assert_int_equal(add_all(&grid, &total, g, ranks, (uint64_t)ranks, used), EXACT_REDO);
    assert_int_equal(add_all(&grid, &total, g, ranks, (uint64_t)ranks, used), EXACT_GOOD);
    assert_int_equal(used[0], 2); /* 2 <= the largest < 4 */
    assert_int_equal(used[1], EXACT_NONE);
    exact_read(out, &grid, &total, used);
    if (ranks == 1) memcpy(first, out, sizeof out);
    assert_memory_equal(out, first, sizeof out);
  }
  for (int i = 0; i < N; i++) {
    Wide sum = 0, plain = 0;
    int unit = 2 + 6 - grid.bits;
    for (int k = 0; k < LEAVES; k++)
      sum += round_to(g[k][i], unit), plain += round_to(g[k][i], -100);
    assert_true(total.sum[i] * ((Wide)1 << (unit + 100)) == sum);
    float want = to_float(sum);
    assert_memory_equal(&out[i], &want, sizeof want);
    double off = fabs((double)(plain - sum)) * 0x1p-100;
    assert_true(off <= LEAVES * ldexp(0.5, unit));
  }
  exact_free(&total);
}

/* One tensor of one element, fed with leaves; the verdict and the exponent afterwards. */
static ExactVerdict feed(ExactGrid *grid, ExactSum *sum, const float *leaf, int n, int *used) {
  exact_clear(sum, grid);
  for (int k = 0; k < n; k++) exact_add(sum, grid, leaf + k);
  return exact_judge(grid, sum, used);
}

static void test_exponents(void **state) {
  const size_t offset[] = {0, 1};
  int exponent, used;
  ExactGrid grid;
  exact_grid_init(&grid, 1, offset, &exponent);
  ExactSum sum = exact_new(&grid);
  static const struct {
    float g;
    ExactVerdict verdict;
    int after;
  } STEPS[] = {
      {0, EXACT_GOOD, EXACT_NONE}, /* nothing yet */
      {1, EXACT_REDO, 1},          /* the first overflows: 1 < 2^1 */
      {1, EXACT_GOOD, 1},
      {0, EXACT_GOOD, 1},       /* zero keeps */
      {0x1p-9f, EXACT_GOOD, 0}, /* sinks by one */
      {0x1p-149f, EXACT_GOOD, -1},
      {0x1.fffffep4f, EXACT_GOOD, 5}, /* below 2^(-1 + 6) */
      {NAN, EXACT_NOT_FINITE, 5},
      {-INFINITY, EXACT_NOT_FINITE, 5},
      {0x1p10f, EXACT_GOOD, 11},
      {-0x1p17f, EXACT_REDO, 18}, /* the limit itself is too much */
      {-0x1p17f, EXACT_GOOD, 18},
      {0x1.fffffep127f, EXACT_REDO, 128},
      {0x1.fffffep127f, EXACT_GOOD, 128},
  };
  for (size_t k = 0; k < sizeof STEPS / sizeof *STEPS; k++) {
    assert_int_equal(feed(&grid, &sum, &STEPS[k].g, 1, &used), STEPS[k].verdict);
    assert_int_equal(exponent, STEPS[k].after);
  }
  float out;
  exact_read(&out, &grid, &sum, &used);
  assert_true(out == 0x1.fffffep127f);
  exact_free(&sum);
}

/* Subnormal gradients keep their digits; NaN of one rank reaches all through the maximum. */
static void test_ends_of_the_range(void **state) {
  const size_t offset[] = {0, 1};
  const float tiny[] = {0x1p-149f, 0x1p-149f, 0x1.8p-148f}, poison[] = {1, NAN, 2};
  int exponent, used;
  float out;
  ExactGrid grid;
  exact_grid_init(&grid, 1, offset, &exponent);
  exact_set_leaves(&grid, 3);
  ExactSum sum = exact_new(&grid);
  assert_int_equal(feed(&grid, &sum, tiny, 3, &used), EXACT_REDO);
  assert_int_equal(feed(&grid, &sum, tiny, 3, &used), EXACT_GOOD);
  exact_read(&out, &grid, &sum, &used);
  assert_true(out == 0x1.4p-147f);
  assert_int_equal(feed(&grid, &sum, poison, 3, &used), EXACT_NOT_FINITE);
  exact_free(&sum);
}

/* 1 + 2^-24 + 2^-54 lies just above the middle of two floats: one rounding goes up, a rounding to
 * double before it would fall on the tie and go down. The same below zero. */
static void test_rounded_once(void **state) {
  const size_t offset[] = {0, 1};
  float leaf[] = {1, 0x1p-24f, 0x1p-54f}, out;
  int exponent, used;
  ExactGrid grid;
  exact_grid_init(&grid, 1, offset, &exponent);
  exponent = 0;
  ExactSum sum = exact_new(&grid);
  grid.bits = 60; /* u = 2^-54 */
  for (int sign = 1; sign >= -1; sign -= 2) {
    exponent = 0;
    assert_int_equal(feed(&grid, &sum, leaf, 3, &used), EXACT_GOOD);
    exact_read(&out, &grid, &sum, &used);
    assert_true(out == (float)sign * 0x1.000002p0f);
    for (int k = 0; k < 3; k++) leaf[k] = -leaf[k];
  }
  exact_free(&sum);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_against_integers),
      cmocka_unit_test(test_exponents),
      cmocka_unit_test(test_ends_of_the_range),
      cmocka_unit_test(test_rounded_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
