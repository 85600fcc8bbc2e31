/* Random numbers: the generator against published answers, permutations, uniforms. */
#include <string.h>

#include "near.h"
#include "num/rng.h"

/* Known answers of Philox4x32-10 from the authors' distribution. */
static void test_known_answers(void **state) {
  static const struct {
    uint32_t counter[4], key[2], want[4];
  } KNOWN[] = {
      {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
      {{~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
      {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
       {0xa4093822, 0x299f31d0},
       {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
  };
  for (size_t k = 0; k < sizeof KNOWN / sizeof *KNOWN; k++) {
    const uint32_t *c = KNOWN[k].counter;
    RngKey key = {{KNOWN[k].key[0], KNOWN[k].key[1]}};
    uint32_t out[4];
    rng_bits(out, key, c[0] | (uint64_t)c[1] << 32, c[2], c[3]);
    assert_memory_equal(out, KNOWN[k].want, sizeof out);
  }
}

static void test_streams_apart(void **state) {
  RngKey a = rng_key(1, RNG_INIT), b = rng_key(1, RNG_SPLIT), c = rng_key(2, RNG_INIT);
  RngKey d = rng_key(1ull << 32 | 1, RNG_INIT);
  assert_memory_not_equal(&a, &b, sizeof a);
  assert_memory_not_equal(&a, &c, sizeof a);
  assert_memory_not_equal(&a, &d, sizeof a);
}

static void check_bijection(uint64_t n, uint64_t epoch) {
  RngKey key = rng_key(n, RNG_BLOCKS);
  static uint8_t seen[1 << 17];
  memset(seen, 0, sizeof seen);
  for (uint64_t i = 0; i < n; i++) {
    uint64_t to = rng_permute(key, epoch, n, i);
    assert_true(to < n && !seen[to]);
    seen[to] = 1;
  }
}

static void test_bijection(void **state) {
  for (uint64_t n = 1; n < 300; n++) check_bijection(n, n * n);
  for (uint64_t n = 1000; n < 70000; n = n * 3 + 1) check_bijection(n, 0);
  check_bijection(65536, 1);
  check_bijection(65537, 1ull << 40);
}

/* Each position goes to each place equally often: chi-square over 2,000 epochs. */
static void test_permutation_is_even(void **state) {
  enum { N = 13, EPOCHS = 2000 };
  RngKey key = rng_key(5, RNG_WINDOW);
  double count[N][N] = {{0}}, chi2 = 0, expected = (double)EPOCHS / N;
  for (uint64_t epoch = 0; epoch < EPOCHS; epoch++)
    for (uint64_t i = 0; i < N; i++) count[i][rng_permute(key, epoch, N, i)]++;
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) chi2 += pow(count[i][j] - expected, 2) / expected;
  int freedom = (N - 1) * (N - 1);
  assert_true(chi2 < freedom + 5 * sqrt(2. * freedom));
  assert_true(chi2 > freedom - 5 * sqrt(2. * freedom));
}

static void test_uniform_and_normal(void **state) {
  enum { N = 200000 };
  RngKey key = rng_key(3, RNG_TOY);
  double u_sum = 0, u_square = 0, z_sum = 0, z_square = 0, z_cross = 0;
  for (uint64_t id = 0; id < N; id++) {
    double u = rng_uniform(key, id, 1, 2), z[2];
    rng_normal2(z, key, id, 1, 3);
    assert_true(u > 0 && u < 1);
    u_sum += u;
    u_square += u * u;
    z_sum += z[0] + z[1];
    z_square += z[0] * z[0] + z[1] * z[1];
    z_cross += z[0] * z[1];
  }
  assert_near(u_sum / N, 0.5, 5 * sqrt(1. / 12 / N));
  assert_near(u_square / N, 1. / 3, 5 * sqrt(4. / 45 / N));
  assert_near(z_sum / (2 * N), 0, 5 * sqrt(1. / (2 * N)));
  assert_near(z_square / (2 * N), 1, 5 * sqrt(2. / (2 * N)));
  assert_near(z_cross / N, 0, 5 * sqrt(1. / N));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_known_answers),      cmocka_unit_test(test_streams_apart),
      cmocka_unit_test(test_bijection),          cmocka_unit_test(test_permutation_is_even),
      cmocka_unit_test(test_uniform_and_normal),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
