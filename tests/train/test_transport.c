/* Transport against SciPy's exact distances, the gradient against differences, and the same bits
 * however ranks and threads share the rows. Alone, and under three ranks. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "train/transport.h"
#include "transport_values.h"

static Comm *world, *alone;

/* The points of make_transport.py, as tiles (n / L, dim, L). */
static void points(float *x, uint64_t word, long n, long dim, double scale, double shift) {
  for (long i = 0; i < n * dim; i++) {
    word = word * 6364136223846793005u + 1442695040888963407u;
    double value = ((double)(word >> 43) - (1 << 20)) / (1 << 20);
    long sample = i / dim, k = i % dim;
    x[(sample / L * dim + k) * L + sample % L] = (float)(scale * value + shift);
  }
}

typedef struct Case {
  Transport *transport;
  float *x, *pull; /* own tiles */
} Case;

/* This rank holds its range of the tiles of chains, and fills the same of the data. */
static Case case_new(const Comm *comm, long n, long dim, int threads) {
  Range own = range_of(n / L, comm_rank(comm), comm_size(comm));
  Case c = {.transport = transport_new(comm, n, dim, own, threads)};
  long size = dim * L, mine = own.to - own.from;
  float *all = MEM_NEW(float, "test", n *dim), *to = MEM_NEW(float, "test", n *dim);
  c.x = MEM_NEW(float, "test", mine *size);
  c.pull = MEM_NEW(float, "test", mine *size);
  points(all, (uint64_t)n, n, dim, 1, 0);
  points(to, (uint64_t)dim, n, dim, 0.5, 0.25);
  memcpy(c.x, all + own.from * size, (size_t)(mine * size) * sizeof *all);
  memcpy(c.transport->to + own.from * size, to + own.from * size,
         (size_t)(mine * size) * sizeof *to);
  transport_share(c.transport);
  mem_free(&all);
  mem_free(&to);
  return c;
}

static void case_free(Case *c) {
  transport_free(&c->transport);
  mem_free(&c->x);
  mem_free(&c->pull);
}

static void distances_are_scipys(void **state) {
  for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
    Case c = case_new(alone, values[i].n, values[i].dim, 2);
    assert_true(transport_solve(c.transport, c.x));
    assert_float_equal(c.transport->distance, values[i].distance, 1e-8 * values[i].distance);
    case_free(&c);
  }
}

static void ranks_and_threads_share_the_rows(void **state) {
  for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
    long n = values[i].n, size = values[i].dim * L;
    Case one = case_new(alone, n, values[i].dim, 1), some = case_new(world, n, values[i].dim, 3);
    assert_true(transport_solve(one.transport, one.x));
    assert_true(transport_solve(some.transport, some.x));
    assert_true(one.transport->distance == some.transport->distance);
    assert_memory_equal(one.transport->plan.col_of, some.transport->plan.col_of,
                        (size_t)n * sizeof(int32_t));
    transport_pull(one.transport, one.pull, one.x);
    transport_pull(some.transport, some.pull, some.x);
    Range own = some.transport->own;
    assert_memory_equal(one.pull + own.from * size, some.pull,
                        (size_t)((own.to - own.from) * size) * sizeof(float));
    case_free(&one);
    case_free(&some);
  }
}

/* The plan stays the same for small moves. */
static void pulls_are_the_gradient(void **state) {
  Case c = case_new(alone, 48, 3, 1);
  assert_true(transport_solve(c.transport, c.x));
  transport_pull(c.transport, c.pull, c.x);
  for (long i = 0; i < 3L * 48; i += 7) {
    const float h = 1e-3F, old = c.x[i];
    c.x[i] = old + h;
    assert_true(transport_solve(c.transport, c.x));
    double up = c.transport->distance;
    c.x[i] = old - h;
    assert_true(transport_solve(c.transport, c.x));
    double down = c.transport->distance;
    c.x[i] = old;
    assert_float_equal(c.pull[i], (up - down) / (2 * (double)h), 1e-4);
  }
  case_free(&c);
}

static void same_points_are_at_no_distance(void **state) {
  Case c = case_new(alone, 48, 3, 1);
  memcpy(c.x, c.transport->to, 3 * 48 * sizeof *c.x);
  assert_true(transport_solve(c.transport, c.x));
  assert_true(c.transport->distance == 0);
  transport_pull(c.transport, c.pull, c.x);
  for (long i = 0; i < 3L * 48; i++) assert_true(c.pull[i] == 0);
  for (long i = 0; i < 3L * 48; i++) c.x[i] = c.transport->to[i] = 7; /* all in one place */
  assert_true(transport_solve(c.transport, c.x));
  assert_true(c.transport->distance == 0);
  case_free(&c);
}

/* On whatever rank. */
static void what_is_not_finite_is_told(void **state) {
  const float bad[] = {NAN, INFINITY, -INFINITY};
  for (int k = 0; k < 3; k++) {
    Case c = case_new(world, 48, 3, 1);
    if (comm_rank(world) == comm_size(world) - 1) c.x[k] = bad[k];
    assert_false(transport_solve(c.transport, c.x));
    case_free(&c);
  }
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(distances_are_scipys),
      cmocka_unit_test(ranks_and_threads_share_the_rows),
      cmocka_unit_test(pulls_are_the_gradient),
      cmocka_unit_test(same_points_are_at_no_distance),
      cmocka_unit_test(what_is_not_finite_is_told),
  };
  int part;
  if (comm_start(&argc, &argv, &world)) return 2;
  alone = comm_split(world, comm_size(world), &part);
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  comm_free(&alone);
  comm_end(&world);
  return failed;
}
