/* Assignments against SciPy's smallest sums, and against their own certificate. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "assignment_values.h"
#include "num/assignment.h"
#include "num/isa.h"

enum { MOST = 2048 };
static const long SIZES[] = {1, 2, 3, 5, 8, 13, 30, 64, 101, 200};

static int32_t cost[MOST * MOST];

/* ---- costs: the generator of make_assignment.py ---- */

static int32_t below(uint64_t *word, uint64_t n) {
  *word = *word * 6364136223846793005u + 1442695040888963407u;
  return (int32_t)((*word >> 33) % n);
}

static void uniform(uint64_t word, long n) {
  for (long k = 0; k < n * n; k++) cost[k] = below(&word, 1u << ASSIGNMENT_BITS);
}

static void tied(uint64_t word, long n) {
  for (long k = 0; k < n * n; k++) cost[k] = below(&word, 4);
}

static void squares(const int32_t *p, long n) { /* (2, n, 2) */
  for (long i = 0; i < n; i++)
    for (long j = 0; j < n; j++) {
      int32_t dx = p[2 * i] - p[2 * (n + j)], dy = p[2 * i + 1] - p[2 * (n + j) + 1];
      cost[n * i + j] = dx * dx + dy * dy;
    }
}

static void plane(uint64_t word, long n) {
  static int32_t p[4 * MOST];
  for (long k = 0; k < 4 * n; k++) p[k] = below(&word, 8000);
  squares(p, n);
}

/* Points at few places, and one far from all. */
static void clusters(uint64_t word, long n) {
  static int32_t p[4 * MOST];
  for (long k = 0; k < 4 * n; k++) p[k] = below(&word, 5);
  p[0] = p[1] = 8000;
  squares(p, n);
}

/* Hard for searches of paths (Machol and Wien). */
static void product(uint64_t word, long n) {
  for (long i = 0; i < n; i++)
    for (long j = 0; j < n; j++) cost[n * i + j] = (int32_t)(i * j);
}

static void equal(uint64_t word, long n) {
  for (long k = 0; k < n * n; k++) cost[k] = 1 << ASSIGNMENT_BITS;
}

/* ---- checks ---- */

/* Each column once, all prices feasible, and their sum the sum of the costs: no assignment can be
 * cheaper. */
static void check_certificate(const Assignment *a, int64_t sum, long n) {
  int64_t chosen = 0, prices = 0;
  for (long i = 0; i < n; i++) {
    assert_in_range(a->col_of[i], 0, n - 1);
    assert_int_equal(a->row_of[a->col_of[i]], i);
    chosen += cost[n * i + a->col_of[i]];
    prices += a->row_price[i] + a->col_price[i];
    for (long j = 0; j < n; j++)
      if (a->row_price[i] + a->col_price[j] > cost[n * i + j]) fail_msg("%ld, %ld", i, j);
  }
  assert_int_equal(chosen, sum);
  assert_int_equal(prices, sum);
}

/* Every ISA makes the same pairs and prices. */
static void check_isas(const Assignment *a, long n) {
  Isa used = isa_current();
  Assignment other = assignment_new(n);
  for (Isa isa = 0; isa < ISA_COUNT; isa++) {
    if (!isa_supported(isa)) continue;
    isa_set(isa);
    assignment_solve(&other, cost, n);
    assert_memory_equal(other.col_of, a->col_of, (size_t)n * sizeof *a->col_of);
    assert_memory_equal(other.col_price, a->col_price, (size_t)n * sizeof *a->col_price);
  }
  isa_set(used);
  assignment_free(&other);
}

static void check_all(void (*make)(uint64_t, long), const int64_t *sums) {
  Assignment a = assignment_new(MOST);
  for (size_t k = 0; k < sizeof SIZES / sizeof *SIZES; k++) {
    make((uint64_t)SIZES[k], SIZES[k]);
    int64_t sum = assignment_solve(&a, cost, SIZES[k]);
    assert_int_equal(sum, sums[k]);
    check_certificate(&a, sum, SIZES[k]);
    check_isas(&a, SIZES[k]);
  }
  make(MOST, MOST);
  check_certificate(&a, assignment_solve(&a, cost, MOST), MOST);
  assignment_free(&a);
}

static void test_uniform(void **state) { check_all(uniform, uniform_sums); }
static void test_tied(void **state) { check_all(tied, tied_sums); }
static void test_plane(void **state) { check_all(plane, plane_sums); }
static void test_clusters(void **state) { check_all(clusters, clusters_sums); }
static void test_product(void **state) { check_all(product, product_sums); }
static void test_equal(void **state) { check_all(equal, equal_sums); }

/* Two rows that outbid each other by one for a hundred million turns must not; nor may prices that
 * fall by twice the largest cost in each phase leave 32 bits. */
static void test_bids(void **state) {
  enum { C = 1 << ASSIGNMENT_BITS };
  static const int32_t SMALL[] = {0, 1, C, 0, 1, C, 0, 1, C}, LARGE[] = {0, C, C, 0};
  Assignment a = assignment_new(3);
  memcpy(cost, SMALL, sizeof SMALL);
  assert_int_equal(assignment_solve(&a, cost, 3), C + 1);
  check_certificate(&a, C + 1, 3);
  memcpy(cost, LARGE, sizeof LARGE);
  assert_int_equal(assignment_solve(&a, cost, 2), 0);
  check_certificate(&a, 0, 2);
  assignment_free(&a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_uniform), cmocka_unit_test(test_tied),
      cmocka_unit_test(test_plane),   cmocka_unit_test(test_clusters),
      cmocka_unit_test(test_product), cmocka_unit_test(test_equal),
      cmocka_unit_test(test_bids),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
