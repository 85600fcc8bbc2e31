/* The order of an epoch, subsets and tiles, from their definitions. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "data/dataset.h"
#include "data/order.h"

/* Every index once; a window holds whole blocks, at most `window` of them; the last block is the
 * only short one. */
static void check_epoch(const Order *order, uint64_t epoch) {
  long blocks = (order->n + order->block - 1) / order->block;
  char *seen = calloc((size_t)order->n, 1);
  long *window_of = malloc((size_t)blocks * sizeof *window_of), position = 0;
  for (long b = 0; b < blocks; b++) window_of[b] = -1;
  for (long window = 0; position < order->n; window++) {
    long left = 0, opened = 0; /* samples to come of blocks that were begun */
    do {
      long index = order_at(order, epoch, position++), b = index / order->block;
      assert_true(index >= 0 && index < order->n && !seen[index]);
      seen[index] = 1;
      if (window_of[b] < 0) {
        window_of[b] = window, opened++;
        left += b == blocks - 1 ? order->n - b * order->block : order->block;
      }
      assert_int_equal(window_of[b], window);
      left--;
    } while (position < order->n && (left > 0 || opened < order->window));
    assert_true(left == 0 && opened <= order->window);
  }
  for (long i = 0; i < order->n; i++) assert_true(seen[i]);
  free(seen), free(window_of);
}

static const Order orders[] = {
    {1, 4, 2, 1},    {7, 16, 3, 2}, {64, 16, 2, 3},    {65, 16, 2, 4},   {1000, 7, 5, 5},
    {997, 10, 1, 6}, {30, 1, 4, 7}, {999, 16, 100, 8}, {4097, 64, 8, 9}, {12, 12, 1, 1}};

static void an_epoch_takes_every_sample_once(void **state) {
  for (size_t i = 0; i < sizeof orders / sizeof *orders; i++)
    for (uint64_t epoch = 0; epoch < 5; epoch++) check_epoch(&orders[i], epoch);
}

/* The indices of a window are the same mixed and unmixed; unmixed they come block after block. */
static void check_window(const Order *order, uint64_t epoch, Range window) {
  char *seen = calloc((size_t)order->n, 1);
  for (long p = window.from; p < window.to; p++) seen[order_at(order, epoch, p)]++;
  for (long p = window.from; p < window.to; p++) {
    long index = order_unmixed(order, epoch, p);
    assert_int_equal(seen[index]--, 1);
    if (p == window.from || index % order->block == 0) continue;
    assert_int_equal(index, order_unmixed(order, epoch, p - 1) + 1);
  }
  free(seen);
}

static void windows_follow_each_other(void **state) {
  for (size_t i = 0; i < sizeof orders / sizeof *orders; i++)
    for (uint64_t epoch = 0; epoch < 5; epoch++)
      for (long from = 0; from < orders[i].n;) {
        Range window = order_window(&orders[i], epoch, from),
              same = order_window(&orders[i], epoch, window.to - 1);
        assert_true(window.from == from && window.to > from && window.to <= orders[i].n);
        assert_true(same.from == window.from && same.to == window.to);
        check_window(&orders[i], epoch, window);
        from = window.to;
      }
}

/* Counted, for batches that begin anywhere: never more than was said, and as many somewhere in
 * long epochs. */
static void check_most(const Order *order, long batch) {
  long most = 0, said = order_windows_most(order, batch);
  for (uint64_t epoch = 0; epoch < 200; epoch++)
    for (long from = 0; from + batch <= order->n; from++) {
      long windows = 1;
      Range window = order_window(order, epoch, from);
      for (; window.to < from + batch; windows++) window = order_window(order, epoch, window.to);
      most = windows > most ? windows : most;
    }
  assert_int_equal(most, said);
}

static void a_batch_touches_so_many_windows(void **state) {
  const Order small = {103, 5, 2, 3}, short_one = {101, 10, 1, 4}, even = {96, 4, 2, 5};
  for (long batch = 2; batch < 33; batch += 5) {
    check_most(&small, batch);
    check_most(&short_one, batch);
    check_most(&even, batch);
  }
}

/* Where a sample comes is uniform: over many epochs each of the positions of sample 0 is equally
 * likely, chi-square with n - 1 degrees of freedom. */
static void epochs_differ_and_are_uniform(void **state) {
  enum { N = 40, EPOCHS = 20000 };
  const Order order = {N, 8, 2, 11};
  long count[N] = {0};
  for (uint64_t epoch = 0; epoch < EPOCHS; epoch++) count[order_at(&order, epoch, 0)]++;
  double chi2 = 0, want = (double)EPOCHS / N;
  for (int i = 0; i < N; i++) chi2 += (count[i] - want) * (count[i] - want) / want;
  assert_true(chi2 < N - 1 + 5 * sqrt(2 * (N - 1)));
}

enum { ROWS = 4000, DIM = 3 };
static float x[ROWS * DIM], weights[ROWS];
static int8_t labels[ROWS];
static uint8_t ok[ROWS];
static Dataset data = {.shape = {DIM, 1, 1},
                       .rows = ROWS,
                       .x = x,
                       .label = labels,
                       .weight = weights,
                       .ok = ok,
                       .has_label = true,
                       .has_weight = true};

static int make_data(void **state) {
  for (int i = 0; i < ROWS; i++) {
    labels[i] = i % 3 == 0;
    ok[i] = i % 10 != 9;
    weights[i] = 1 + i % 4;
    for (int k = 0; k < DIM; k++) x[i * DIM + k] = (float)(10 * i + k);
  }
  return 0;
}

static void the_two_parts_of_a_split_are_the_whole(void **state) {
  Subset all = subset_select(&data, 1, 0, 1, 0, 5);
  Subset valid = subset_select(&data, 1, 0, 0.2, 0, 5),
         train = subset_select(&data, 1, 0.2, 1, 0, 5);
  long v = 0, t = 0, n = 0;
  double sum = 0;
  for (uint32_t row = 0; row < ROWS; row++) n += ok[row] && labels[row] == 1;
  assert_int_equal(all.n, n);
  assert_int_equal(valid.n + train.n, n);
  assert_true(fabs(valid.n - 0.2 * n) < 5 * sqrt(0.16 * n));
  for (long i = 0; i < n; i++) {
    uint32_t row = all.row[i];
    assert_true(ok[row] && labels[row] == 1 && (i == 0 || row > all.row[i - 1]));
    if (v < valid.n && valid.row[v] == row)
      v++;
    else
      assert_int_equal(train.row[t++], row);
    sum += all.weight_scale * weights[row];
  }
  assert_true(fabs(sum / n - 1) < 1e-12);
  subset_free(&all), subset_free(&valid), subset_free(&train);
}

static void classes_and_limits(void **state) {
  Subset few = subset_select(&data, 0, 0, 1, 17, 5),
         every = subset_select(&data, CLASS_ALL, 0, 1, 0, 5);
  Dataset unlabelled = data;
  unlabelled.has_label = false;
  Subset same = subset_select(&unlabelled, 1, 0, 1, 0, 5),
         none = subset_select(&data, 7, 0, 1, 0, 5),
         rest = subset_select(&data, class_but(0), 0, 1, 0, 5);
  assert_int_equal(few.n, 17);
  assert_int_equal(few.row[0], 1);
  assert_int_equal(every.n, ROWS - ROWS / 10);
  assert_int_equal(same.n, every.n);
  assert_int_equal(none.n, 0);
  for (long i = 0; i < rest.n; i++) assert_int_equal(labels[rest.row[i]], 1);
  for (uint32_t row = 0; row < ROWS; row++) rest.n -= ok[row] && labels[row] == 1;
  assert_int_equal(rest.n, 0);
  subset_free(&few), subset_free(&every), subset_free(&same), subset_free(&none),
      subset_free(&rest);
}

static void a_tile_holds_a_sample_per_lane(void **state) {
  float tile[DIM * L], weight[L];
  long row[L];
  for (int l = 0; l < L; l++) row[l] = l < 11 ? 37 * (l + 1) : -1;
  dataset_tile(&data, tile, weight, row);
  for (int l = 0; l < L; l++) {
    long want = row[l] < 0 ? row[0] : row[l];
    assert_true(weight[l] == (row[l] < 0 ? 0 : weights[want]));
    for (int k = 0; k < DIM; k++) assert_true(tile[k * L + l] == x[want * DIM + k]);
  }
}

/* Rows 0, 3, 6, ... are class 1; every tenth is refused. */
static void mixed(long n, double share, long want_signal) {
  Subset normal = subset_select(&data, 0, 0, 1, 0, 5), all = subset_select(&data, 0, 0, 1, 0, 5),
         signal = subset_select(&data, 1, 0, 1, 0, 5);
  assert_int_equal(subset_mix(&normal, &data, &signal, share, n), OK);
  long found = 0, k[2] = {0, 0};
  double sum = 0;
  assert_int_equal(normal.n, n ? n : all.n);
  for (long i = 0; i < normal.n; i++) {
    uint32_t row = normal.row[i];
    int label = labels[row];
    found += label;
    if (i) assert_true(row > normal.row[i - 1]);
    assert_int_equal(row, label ? signal.row[k[1]++] : all.row[k[0]++]); /* the first of each */
    sum += weights[row] * normal.weight_scale;
  }
  assert_int_equal(found, want_signal);
  assert_float_equal(sum, normal.n, 1e-9 * (double)normal.n);
  subset_free(&normal), subset_free(&all), subset_free(&signal);
}

static void anomalies_mix_in(void **state) {
  mixed(40, 0.25, 10);
  mixed(40, 0, 0);
  mixed(40, 1, 40);
  Subset all = subset_select(&data, 0, 0, 1, 0, 5);
  mixed(0, 0.1, lround(0.1 * (double)all.n));
  subset_free(&all);
  Subset normal = subset_select(&data, 0, 0, 1, 30, 5), few = subset_select(&data, 1, 0, 1, 5, 5);
  assert_int_equal(subset_mix(&normal, &data, &few, 0.5, 20), ERR_USER);
  assert_int_equal(subset_mix(&normal, &data, &few, 0.1, 40), ERR_USER);
  subset_free(&normal), subset_free(&few);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_epoch_takes_every_sample_once),
      cmocka_unit_test(windows_follow_each_other),
      cmocka_unit_test(a_batch_touches_so_many_windows),
      cmocka_unit_test(epochs_differ_and_are_uniform),
      cmocka_unit_test(the_two_parts_of_a_split_are_the_whole),
      cmocka_unit_test(classes_and_limits),
      cmocka_unit_test(anomalies_mix_in),
      cmocka_unit_test(a_tile_holds_a_sample_per_lane),
  };
  return cmocka_run_group_tests(tests, make_data, NULL);
}
