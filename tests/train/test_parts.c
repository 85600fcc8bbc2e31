/* The parts of the step, each against its formula. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../net/nets.h"
#include "base/mem.h"
#include "num/tile.h"
#include "train/guard.h"
#include "train/optimizer.h"
#include "train/packet.h"
#include "train/split.h"
#include "train/temperature.h"
#include "train/validate.h"

static void leaves_cover_all_tiles_once(void **state) {
  for (int size = 1; size < 9; size++)
    for (int leaf = 1; leaf < 4; leaf++) {
      long next = 0;
      for (int rank = 0; rank < size; rank++) {
        Split split = split_new(7 * L, leaf, rank, size);
        assert_int_equal(split.leaves, (7 + leaf - 1) / leaf);
        assert_int_equal(split.tile_mine.from, next);
        for (long i = split.leaf_mine.from; i < split.leaf_mine.to; i++) {
          Range tiles = split_tiles(&split, i);
          assert_int_equal(tiles.from, next);
          assert_true(tiles.to > tiles.from && tiles.to - tiles.from <= leaf);
          next = tiles.to;
        }
        assert_int_equal(split.tile_mine.to, next);
      }
      assert_int_equal(next, 7);
    }
}

/* Tile sums of several ranks come back bit for bit, in tile order, whoever wrote them. */
static void tile_sums_do_not_depend_on_ranks(void **state) {
  enum { TILES = 5 };
  const double value[TILES] = {1e16, 1, -1e16, 1e-3, 3};
  Packet a = packet_new(4, TILES, 0, 0, 0), b = packet_new(4, TILES, 0, 0, 0);
  packet_clear(&a);
  packet_clear(&b);
  for (int t = 0; t < TILES; t++) packet_set(t % 2 ? &a : &b, TILE_PLUS, t, value[t]);
  packet_counts(&a)[COUNT_STOP] = 1;
  for (size_t i = 0; i < a.n; i++) a.word[i] += b.word[i];
  assert_true(packet_sum(&a, TILE_PLUS) == (((1e16 + 1) - 1e16) + 1e-3) + 3);
  assert_int_equal(packet_counts(&a)[COUNT_STOP], 1);
  packet_free(&a);
  packet_free(&b);
}

static void diversity_is_one_for_opposite_states_and_zero_for_equal_ones(void **state) {
  const float east[2] = {1, 0}, west[2] = {-1, 0}, odd[2] = {NAN, INFINITY};
  Packet packet = packet_new(0, 0, 0, 2, 0);
  packet_clear(&packet);
  spread_add(packet_spread(&packet), 2, east);
  spread_add(packet_spread(&packet), 2, west);
  assert_float_equal(packet_diversity(&packet, 2), 1, 1e-12);
  packet_clear(&packet);
  for (int i = 0; i < 3; i++) spread_add(packet_spread(&packet), 2, east);
  assert_float_equal(packet_diversity(&packet, 3), 0, 1e-12);
  spread_add(packet_spread(&packet), 2, odd);
  assert_true(isfinite(packet_diversity(&packet, 4)));
  packet_free(&packet);
}

static void auc_counts_wins_and_half_of_ties(void **state) {
  const double value[] = {1, 2, 2, 4, /* */ 2, 3, 5}, even[] = {1, 1, 1, 1, 1, 1, 1};
  const double swapped[] = {2, 3, 5, /* */ 1, 2, 2, 4};
  long order[8];
  /* of 12 pairs: 2 wins over 1 and ties twice; 3 wins 3; 5 wins 4 */
  assert_true(auc_of(value, even, 4, 3, order) == (1 + 2 * 0.5 + 3 + 4) / 12.0);
  assert_true(auc_of(swapped, even, 3, 4, order) == 1 - (1 + 2 * 0.5 + 3 + 4) / 12.0);
  /* a weight of 2 is the same sample twice */
  const double weight[] = {1, 2, 1, 2, 1};
  const double light[] = {1, 2, 4, /* */ 2, 5}, twice[] = {1, 2, 2, 4, /* */ 2, 2, 5};
  assert_true(auc_of(light, weight, 3, 2, order) == auc_of(twice, even, 4, 3, order));
  /* no number: left out */
  const double odd[] = {1, 2, NAN, 2, 4, /* */ 2, 3, 5};
  const double ones[] = {1, 1, 1, 1, 1, 1, 1, 1};
  assert_true(auc_of(odd, ones, 5, 3, order) == auc_of(value, even, 4, 3, order));
  assert_true(isnan(auc_of((const double[]){1, NAN}, even, 1, 1, order)));
}

static void rates_follow_their_schedule(void **state) {
  TrainOpts opts = train_defaults();
  PhaseOpts phase = {.epochs = 10, .rate = 2};
  opts.schedule_factor = 0.1;
  assert_true(schedule_rate(&opts, &phase, 7, 70, 10) == 2);
  opts.schedule = SCHEDULE_STEP, opts.schedule_step = 3;
  assert_float_equal(schedule_rate(&opts, &phase, 2, 29, 10), 2, 1e-12);
  assert_float_equal(schedule_rate(&opts, &phase, 7, 70, 10), 0.02, 1e-12);
  opts.schedule = SCHEDULE_COSINE;
  assert_float_equal(schedule_rate(&opts, &phase, 0, 0, 10), 2, 1e-12);
  assert_float_equal(schedule_rate(&opts, &phase, 5, 50, 10), 1.1, 1e-12);
  assert_float_equal(schedule_rate(&opts, &phase, 10, 100, 10), 0.2, 1e-12);
}

static void steps_of_mala_go_towards_their_aim(void **state) {
  double step = 2, move = 1;
  mala_adapt(&step, &move, 0, 0);
  assert_true(step == 2 && move == 1);
  for (int i = 0; i < 2; i++) mala_adapt(&step, &move, 58, 100);
  assert_float_equal(step, 2 * 1.5 * 1.5, 1e-12);
  mala_adapt(&step, &move, 57, 100); /* crossed: from now on by little */
  assert_float_equal(step, 2 * 1.5 * 1.5 / 1.05, 1e-12);
  for (int i = 0; i < 2; i++) mala_adapt(&step, &move, 30, 100);
  assert_float_equal(step, 2 * 1.5 * 1.5 / (1.05 * 1.05 * 1.05), 1e-12);
  /* one direction of variance s^2 = dim / 2: 1.65^2 / 2 s^2 */
  assert_float_equal(mala_start(100, 1), 1.65 * 1.65 / 2 * 50, 1e-12);
  assert_float_equal(mala_start(100, 1000), mala_start(100, 1) / 10, 1e-9);
}

/* With E- below E+ a trained T must grow: the first step of Adam has the length of the rate. */
static void a_trained_temperature_follows_its_gradient(void **state) {
  TrainOpts opts = train_defaults();
  Learned now = {.temperature = 0.5, .beta1_power = opts.beta1, .beta2_power = opts.beta2};
  opts.chain.temperature_rate = 0.01;
  temperature_train(&now, &opts, 2, 1);
  assert_float_equal(now.temperature, 0.5 * exp(0.01), 1e-7);
  now = (Learned){.temperature = 0.5, .beta1_power = opts.beta1, .beta2_power = opts.beta2};
  temperature_train(&now, &opts, 1, 2);
  assert_float_equal(now.temperature, 0.5 * exp(-0.01), 1e-7);
}

/* The loss of the scale s = T0 / T of an mpdr energy, s (E+ - E-) / T0. */
static double scale_loss(double log_s, double plus, double minus, double t0) {
  return exp(log_s) * (plus - minus) / t0;
}

static void a_trained_scale_follows_its_gradient(void **state) {
  const double t0 = 0.7, log_s = 0.3, plus = 2.5, minus = 0.75, h = 1e-6;
  double up = scale_loss(log_s + h, plus, minus, t0),
         down = scale_loss(log_s - h, plus, minus, t0);
  TrainOpts opts = train_defaults();
  Learned now = {.temperature = t0 / exp(log_s), .beta1_power = 0.9, .beta2_power = 0.999};
  temperature_train(&now, &opts, plus, minus);
  assert_float_equal(now.log_t_m / (1 - opts.beta1), -(up - down) / (2 * h), 1e-5);
  assert_float_equal(log(t0 / now.temperature), log_s - opts.chain.temperature_rate, 1e-6);

  opts.chain.mode = NEG_RECOVERY, opts.chain.temperature_mode = T_FIXED;
  assert_true(scale_trained(&opts));
  opts.chain.scale = SCALE_FIXED;
  assert_false(scale_trained(&opts));
  opts.chain.scale = SCALE_TRAINED;
  snprintf(opts.energy, sizeof opts.energy, "scalar");
  assert_false(scale_trained(&opts));
}

static void the_metric_is_what_the_rule_says(void **state) {
  TrainOpts opts = train_defaults();
  Validation found = {.plus = 3, .auc = 0.75};
  opts.select = SELECT_GAP;
  assert_true(select_metric(&opts, PHASE_NAE, &found, 5) == 2);
  assert_true(select_metric(&opts, PHASE_AE, &found, 0) == 3);
  opts.select = SELECT_AUC;
  assert_true(select_metric(&opts, PHASE_NAE, &found, 5) == -0.75);
  opts.select = SELECT_LOSS;
  assert_true(select_metric(&opts, PHASE_NAE, &found, 5) == 3);
  opts.select = SELECT_AUTO;
  assert_int_equal(select_rule(&opts, PHASE_AE), SELECT_LOSS);
  opts.chain.temperature_mode = T_FIXED;
  assert_int_equal(select_rule(&opts, PHASE_NAE), SELECT_GAP);
  opts.chain.temperature_mode = T_AUTO;
  assert_int_equal(select_rule(&opts, PHASE_NAE), SELECT_LAST);
  opts.chain.temperature_mode = T_FIXED;
  opts.chain.mode = NEG_CD;
  assert_int_equal(select_rule(&opts, PHASE_NAE), SELECT_LAST);
  opts.chain.mode = NEG_PCD;
  assert_int_equal(select_rule(&opts, PHASE_NAE), SELECT_GAP);
  snprintf(opts.energy, sizeof opts.energy, "scalar");
  assert_int_equal(select_rule(&opts, PHASE_NAE), SELECT_LAST);
}

/* A snapshot holds everything that was learned, and a rollback brings it back. */
static void a_rollback_brings_everything_back(void **context) {
  NetSpec spec = net_parse("dense 3 spectral=1; sphere", "dense 4 spectral=1");
  Net *net;
  assert_int_equal(net_new(&net, &spec, (Shape){4, 1, 1}), OK);
  TrainOpts opts = train_defaults();
  Split chains = split_new(2 * L, 1, 0, 1);
  State state = state_new(net, &opts, &chains);
  Field field[STATE_FIELDS], *now = field, *snapshot;
  int n = state_fields(&state, field), learned = 0;
  while (!strncmp(field[learned].name, "now/", 4)) learned++;
  snapshot = field + learned;
  assert_true(learned >= 16 && 2 * learned < n);
  static const size_t size[] = {4, 8, 4, 8, 4, 1};
  for (int round = 0; round < 2; round++) {
    for (int i = 0; i < learned; i++)
      memset((round ? snapshot : now)[i].data, 17 * round + i + 1,
             (size_t)(now[i].rows * now[i].row) * size[now[i].type]);
    round ? state_rollback(&state) : state_snapshot(&state);
    for (int i = 0; i < learned; i++)
      assert_memory_equal(now[i].data, snapshot[i].data,
                          (size_t)(now[i].rows * now[i].row) * size[now[i].type]);
  }
  state_free(&state);
  net_free(&net);
}

/* Two updates against the same in double: regularisers on both halves, clipping by the norm,
 * AdamW. */
static void updates_follow_adam(void **state) {
  enum { LIKELY = 256 };
  NetSpec spec = net_parse("dense 3", "dense 4");
  Net *net;
  assert_int_equal(net_new(&net, &spec, (Shape){4, 1, 1}), OK);
  size_t n = net->n_params, encoder = encoder_params(net);
  assert_true(n < LIKELY && encoder == 4 * 3 + 3);
  float w[LIKELY], m[LIKELY] = {0}, v[LIKELY] = {0}, g[LIKELY];
  double dw[LIKELY], dm[LIKELY] = {0}, dv[LIKELY] = {0}, dg[LIKELY];
  for (size_t i = 0; i < n; i++) dw[i] = (double)(w[i] = some(1, (uint32_t)i));
  TrainOpts opts = train_defaults();
  opts.optimizer = OPT_ADAMW, opts.decay = 0.1;
  opts.l2_encoder = 0.05, opts.l2_decoder = 0.02;
  Learned now = {.w = w, .m = m, .v = v, .beta1_power = 1, .beta2_power = 1};
  for (int t = 1; t <= 2; t++) {
    double norm = 0;
    Update up = {.rate = 0.01, .clip = 1, .threads = 2};
    for (size_t i = 0; i < n; i++) {
      g[i] = some(1 + (uint32_t)t, (uint32_t)i);
      dg[i] = (double)g[i] + 2 * (i < encoder ? 0.05 : 0.02) * dw[i];
      norm += dg[i] * dg[i];
    }
    optimizer_update(&now, net, &opts, g, &up);
    assert_float_equal(up.norm, sqrt(norm), 1e-5);
    for (size_t i = 0; i < n; i++) {
      double slope = dg[i] / fmax(sqrt(norm), 1);
      dm[i] = 0.9 * dm[i] + 0.1 * slope;
      dv[i] = 0.999 * dv[i] + 0.001 * slope * slope;
      double step = dm[i] / (1 - pow(0.9, t)) / (sqrt(dv[i] / (1 - pow(0.999, t))) + 1e-8);
      dw[i] -= 0.01 * step + 0.01 * 0.1 * dw[i];
      assert_float_equal(w[i], dw[i], 1e-6);
    }
  }
  net_free(&net);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(leaves_cover_all_tiles_once),
      cmocka_unit_test(tile_sums_do_not_depend_on_ranks),
      cmocka_unit_test(diversity_is_one_for_opposite_states_and_zero_for_equal_ones),
      cmocka_unit_test(auc_counts_wins_and_half_of_ties),
      cmocka_unit_test(rates_follow_their_schedule),
      cmocka_unit_test(steps_of_mala_go_towards_their_aim),
      cmocka_unit_test(a_trained_scale_follows_its_gradient),
      cmocka_unit_test(a_trained_temperature_follows_its_gradient),
      cmocka_unit_test(the_metric_is_what_the_rule_says),
      cmocka_unit_test(a_rollback_brings_everything_back),
      cmocka_unit_test(updates_follow_adam),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
