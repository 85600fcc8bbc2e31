/* Replay: rings of slots, draws, ages, and the split over ranks. */
#include <string.h>

#include "../num/near.h"
#include "mcmc/replay.h"

enum { DIM = 3, SLOTS = 4 };

/* The result of chain c in round r, the same number in each of its features plus the feature. */
static void make_results(float *x, long c0, int round) {
  for (int i = 0; i < DIM; i++)
    for (int l = 0; l < L; l++) x[L * i + l] = (float)(1000 * round + 10 * (c0 + l) + i);
}

static void test_ring(void **state) {
  Replay replay = replay_new(32, L, SLOTS, DIM);
  float x[DIM * L];
  int fresh[L], drawn[L];
  for (int l = 0; l < L; l++) fresh[l] = -1;
  replay_draw(&replay, x, drawn, 32, 1, rng_key(1, RNG_REPLAY), 0);
  for (int l = 0; l < L; l++) assert_int_equal(drawn[l], -1);
  for (int round = 0; round < 6; round++) {
    make_results(x, 32, round);
    replay_put(&replay, x, fresh, 32);
    assert_int_equal(replay.fill[5], round < SLOTS ? round + 1 : SLOTS);
    assert_int_equal(replay.next[5], (round + 1) % SLOTS);
  }
  static const int HELD[SLOTS] = {4, 5, 2, 3}; /* rounds */
  for (int s = 0; s < SLOTS; s++)
    for (int i = 0; i < DIM; i++)
      assert_true(replay.state[(7 * SLOTS + s) * DIM + i] ==
                  (float)(1000 * HELD[s] + 10 * (32 + 7) + i));
  replay_free(&replay);
}

static void test_ages(void **state) {
  Replay replay = replay_new(0, L, SLOTS, DIM);
  float x[DIM * L] = {0};
  int drawn[L];
  int64_t filled, age_sum;
  for (int round = 0; round < 3; round++) {
    for (int l = 0; l < L; l++) drawn[l] = l < 8 ? round - 1 : -1; /* the newest, or fresh */
    replay_put(&replay, x, drawn, 0);
  }
  assert_int_equal(replay.age[0], 1);
  assert_int_equal(replay.age[2], 3);
  assert_int_equal(replay.age[9 * SLOTS + 2], 1);
  replay_ages(&replay, &filled, &age_sum);
  assert_int_equal(filled, 3 * L);
  assert_int_equal(age_sum, 8 * (1 + 2 + 3) + 8 * 3);
  /* Draw slot 2 into the last slot, then slot 0 over itself. */
  for (int l = 0; l < L; l++) drawn[l] = 2;
  replay_put(&replay, x, drawn, 0);
  for (int l = 0; l < L; l++) drawn[l] = 0;
  replay_put(&replay, x, drawn, 0);
  assert_int_equal(replay.age[3], 4);
  assert_int_equal(replay.age[0], 2);
  replay_free(&replay);
}

/* Fresh with probability 1 - ratio; else each of three filled slots equally often, and the state
 * that comes is the slot's. A fresh lane is left alone. */
static void test_draws(void **state) {
  enum { STEPS = 2000 };
  Replay replay = replay_new(0, L, SLOTS, DIM);
  float x[DIM * L];
  int drawn[L], count[SLOTS + 1] = {0};
  for (int l = 0; l < L; l++) drawn[l] = -1;
  for (int round = 0; round < 3; round++) {
    make_results(x, 0, round);
    replay_put(&replay, x, drawn, 0);
  }
  for (uint32_t step = 0; step < STEPS; step++) {
    for (int i = 0; i < DIM * L; i++) x[i] = -1;
    replay_draw(&replay, x, drawn, 0, 0.8, rng_key(2, RNG_REPLAY), step);
    for (int l = 0; l < L; l++) {
      count[drawn[l] + 1]++;
      for (int i = 0; i < DIM; i++)
        assert_true(x[L * i + l] == (drawn[l] < 0 ? -1 : (float)(1000 * drawn[l] + 10 * l + i)));
    }
  }
  double n = STEPS * L, third = 0.8 / 3;
  assert_near(count[0], 0.2 * n, 5 * sqrt(n * 0.2 * 0.8));
  for (int s = 0; s < 3; s++) assert_near(count[s + 1], third * n, 5 * sqrt(n * third));
  assert_int_equal(count[SLOTS], 0);
  replay_free(&replay);
}

/* Two chains in the same lane of two tiles agree as often as chance has it. */
static void test_chains_draw_alone(void **state) {
  enum { STEPS = 1000 };
  Replay replay = replay_new(0, 2 * L, SLOTS, DIM);
  float x[DIM * L] = {0};
  int first[L], second[L], agree = 0;
  for (int l = 0; l < L; l++) first[l] = -1;
  for (int round = 0; round < 6; round++) replay_put(&replay, x, first, round % 2 * L);
  for (uint32_t step = 0; step < STEPS; step++) {
    replay_draw(&replay, x, first, 0, 1, rng_key(2, RNG_REPLAY), step);
    replay_draw(&replay, x, second, L, 1, rng_key(2, RNG_REPLAY), step);
    for (int l = 0; l < L; l++) agree += first[l] == second[l];
  }
  double n = STEPS * L;
  assert_near(agree, n / 3, 5 * sqrt(n * 2 / 9));
  replay_free(&replay);
}

/* Some rounds of draw and put on chains from .. to - 1. */
static Replay play(long from, long to) {
  Replay replay = replay_new(from, to - from, SLOTS, DIM);
  for (int round = 0; round < 12; round++)
    for (long c = from; c < to; c += L) {
      float x[DIM * L];
      int drawn[L];
      make_results(x, c, round);
      replay_draw(&replay, x, drawn, c, 0.6, rng_key(3, RNG_REPLAY), (uint32_t)round);
      for (int i = 0; i < DIM * L; i++) x[i] += 0.5f;
      replay_put(&replay, x, drawn, c);
    }
  return replay;
}

/* Chains 0..95 on one rank, or on three. */
static void test_split(void **state) {
  static const long EDGE[] = {0, 16, 64, 96};
  Replay whole = play(0, 96);
  for (int rank = 0; rank < 3; rank++) {
    long from = EDGE[rank], n = EDGE[rank + 1] - from;
    Replay part = play(from, from + n);
    size_t states = (size_t)n * SLOTS;
    assert_memory_equal(part.state, whole.state + from * SLOTS * DIM,
                        states * DIM * sizeof(float));
    assert_memory_equal(part.age, whole.age + from * SLOTS, states * sizeof *part.age);
    assert_memory_equal(part.fill, whole.fill + from, (size_t)n);
    assert_memory_equal(part.next, whole.next + from, (size_t)n);
    replay_free(&part);
  }
  replay_free(&whole);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_ring),  cmocka_unit_test(test_ages),
      cmocka_unit_test(test_draws), cmocka_unit_test(test_chains_draw_alone),
      cmocka_unit_test(test_split),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
