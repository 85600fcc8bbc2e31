/* Networks on sets of points: the order of the points does not matter, few points or points in
 * one place are no trouble, and what cannot be a set of points is refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "nets.h"
#include "reference.h"

enum { T = 24, FEATURES = 3, DIM = FEATURES * T };
static const Shape set = {FEATURES, 1, T};
static const char decoder[] = "dense 72; reshape 3 width=24";

typedef struct Coder {
  Net *net;
  float *w;
  Weights weights;
  Work *work;
} Coder;

static Coder coder_new(const char *encoder) {
  NetSpec spec = net_parse(encoder, decoder);
  Coder c;
  if (net_new(&c.net, &spec, set)) fail_msg("%s", err_message());
  c.w = MEM_NEW(float, "test", c.net->n_params);
  net_init(c.net, c.w, 3);
  c.weights = weights_new(c.net);
  weights_make(&c.weights, c.net, c.w, NULL);
  c.work = work_new(c.net, 1);
  return c;
}

static void coder_free(Coder *c) {
  weights_free(&c->weights);
  work_free(&c->work);
  mem_free(&c->w);
  net_free(&c->net);
}

/* z (latent, L) of x (DIM, L). */
static void encode(Coder *c, float *z, const float *x) {
  net_forward(c->net, &c->weights, c->work, 0, 0, c->net->n_encoder, KEEP_NOTHING, z, x);
}

/* Lane l has T - l points. */
static float *sets(void) {
  float *x = some_floats(1, DIM * L);
  for (int i = 0; i < DIM * L; i++)
    if (i / L % T >= T - i % L) x[i] = 0;
  return x;
}

/* Point t of x goes to place 7 t + 5 (modulo T): absent ones come to lie between the others. */
static float *permuted(const float *x) {
  float *y = MEM_NEW(float, "test", DIM *L);
  for (int f = 0; f < FEATURES; f++)
    for (int t = 0; t < T; t++)
      memcpy(y + (f * T + (7 * t + 5) % T) * L, x + (f * T + t) * L, L * sizeof *y);
  return y;
}

static void check_order(const char *encoder) {
  Coder c = coder_new(encoder);
  long n = shape_size(net_latent(c.net)) * L;
  float *x = sets(), *other = permuted(x);
  float *z = MEM_NEW(float, "test", n), *w = MEM_NEW(float, "test", n);
  encode(&c, z, x);
  encode(&c, w, other);
  for (long i = 0; i < n; i++)
    if (fabsf(z[i] - w[i]) > 1e-6f * (1 + fabsf(z[i])))
      fail_msg("%s: code[%ld]: found %.9g, permuted %.9g", encoder, i, (double)z[i],
               (double)w[i]);
  assert_true(fabsf(z[0] - z[1]) > 1e-4f); /* other sets have other codes */
  float **all[] = {&x, &other, &z, &w};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) mem_free(all[i]);
  coder_free(&c);
}

static void order_does_not_matter(void **state) {
  check_order("edge_conv 16 neighbours=5 coordinates=1; edge_conv 20 neighbours=8; pool_points; "
              "dense 4");
  check_order("edge_conv 9 neighbours=4 pooling=1; pool_points 1; dense 5");
  check_order("edge_conv 9 neighbours=16 coordinates=1; pool_points 0 weighted=1; dense 4");
  check_order("pool_points 2; dense 4");
}

/* ---- few points ---- */

/* The layer's value at point t of lane 0. */
static float *values_of(const char *layer, const float *x) {
  Node node = node_make(layer, set);
  float *w = some_floats(2, node_params(&node));
  float *packed = MEM_NEW(float, "test", node.op->packed_size(&node));
  float *y = MEM_NEW(float, "test", shape_size(node.out) * L);
  node.op->pack(&node, packed, w);
  node.op->forward(&node, y, NULL, x, w, packed, (Finish){0});
  mem_free(&w);
  mem_free(&packed);
  return y;
}

static float *one_place(int points) {
  float *x = MEM_NEW(float, "test", DIM *L);
  for (int t = 0; t < points; t++)
    for (int f = 0; f < FEATURES; f++) x[(f * T + t) * L] = f == 0 ? 1.0f / (float)(t + 1) : 0.3f;
  return x;
}

/* leak(row of W1 x + bias), W (channels, 2 F): the edge of a point with itself. */
static float alone(const float *x, int channels, int o) {
  float *w = some_floats(2, (size_t)(channels * (2 * FEATURES + 1)));
  double v = (double)w[channels * 2 * FEATURES + o];
  for (int f = 0; f < FEATURES; f++) v += (double)w[o * 2 * FEATURES + f] * (double)x[f * T * L];
  mem_free(&w);
  return (float)(v > 0 ? v : 0.2 * v);
}

static void a_point_alone_is_its_own_neighbour(void **state) {
  float *x = one_place(1), *y = values_of("edge_conv 4 neighbours=8", x);
  for (int o = 0; o < 4; o++) {
    assert_float_equal(y[o * T * L], alone(x, 4, o), 1e-6);
    for (int t = 1; t < T; t++) assert_true(y[(o * T + t) * L] == 0);
    assert_true(y[o * T * L + 1] == 0); /* a lane without points */
  }
  mem_free(&x), mem_free(&y);
}

/* All at distance zero: a point takes itself and the first others. With as many neighbours as
 * points or more, how many are asked for makes no difference. */
static void points_in_one_place_go_by_index(void **state) {
  float *x = one_place(6), *few = values_of("edge_conv 4 neighbours=3", x);
  float *first = one_place(3), *all = values_of("edge_conv 4 neighbours=32", first);
  float *just = values_of("edge_conv 4 neighbours=3", first);
  for (int o = 0; o < 4; o++)
    for (int t = 0; t < 3; t++) {
      assert_true(few[(o * T + t) * L] == all[(o * T + t) * L]);
      assert_true(just[(o * T + t) * L] == all[(o * T + t) * L]);
    }
  double wide[DIM], want[4 * T], w[4 * (2 * FEATURES + 1)];
  Node node = node_make("edge_conv 4 neighbours=3", set);
  for (int i = 0; i < DIM; i++) wide[i] = (double)x[i * L];
  for (uint32_t i = 0; i < sizeof w / sizeof w[0]; i++) w[i] = (double)some(2, i);
  reference_layer(&node, want, wide, w);
  for (int i = 0; i < 4 * T; i++) assert_float_equal(few[i * L], want[i], 1e-6);
  float **both[] = {&x, &few, &first, &all, &just};
  for (size_t i = 0; i < sizeof both / sizeof both[0]; i++) mem_free(both[i]);
}

/* Nobody finds the neighbours of a point at infinity; it must not lead astray either. */
static void bad_numbers_stay_in_their_lane(void **state) {
  float *x = sets(), *y = values_of("edge_conv 7 neighbours=8", x);
  x[(1 * T + 3) * L + 2] = NAN, x[(2 * T + 4) * L + 2] = INFINITY;
  float *bad = values_of("edge_conv 7 neighbours=8", x);
  for (int i = 0; i < 7 * T * L; i++)
    if (i % L != 2) assert_true(y[i] == bad[i]);
  mem_free(&x), mem_free(&y), mem_free(&bad);
}

/* A number beside it says that the point is there, in whatever order; the code shows the NaN. */
static void a_bad_number_hides_no_point(void **state) {
  const char *const encoder[] = {"lstm 4 masked=1", "pool_points 2; dense 4"};
  for (int e = 0; e < 2; e++) {
    Coder c = coder_new(encoder[e]);
    float *x = sets(), z[4 * L] __attribute__((aligned(64)));
    for (int l = 0; l < FEATURES; l++)
      for (int f = 0; f < FEATURES; f++)
        x[(f * T + 4) * L + l] = f == l ? NAN : f == (l + 1) % FEATURES ? 1 : 0;
    encode(&c, z, x);
    for (int l = 0; l < L; l++) assert_int_equal(isnan(z[l]), l < FEATURES);
    mem_free(&x);
    coder_free(&c);
  }
}

/* ---- what is refused ---- */

static void assert_refused(const char *encoder, Shape in, const char *want) {
  NetSpec spec = net_parse(encoder, decoder);
  Net *net;
  assert_int_not_equal(net_new(&net, &spec, in), OK);
  if (!strstr(err_message(), want)) fail_msg("found '%s', want '%s'", err_message(), want);
}

static void other_inputs_are_refused(void **state) {
  assert_refused("edge_conv 8", (Shape){2, 1, 20}, "found 2 features, want at least 3");
  assert_refused("edge_conv 8", (Shape){3, 4, 5}, "want a set of at most 256 points");
  assert_refused("pool_points", (Shape){3, 1, 257}, "want a set of at most 256 points");
  assert_refused("edge_conv 8 neighbours=33", set, "neighbours: found 33, want 1 to 32");
  assert_refused("pool_points 1 weighted=1", set, "want mean or sum");
  assert_refused("edge_conv 8 slope=0; edge_conv 8", set, "no absent points any more");
  assert_refused("tanh; edge_conv 8", set, "no absent points any more");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(order_does_not_matter),
      cmocka_unit_test(a_point_alone_is_its_own_neighbour),
      cmocka_unit_test(points_in_one_place_go_by_index),
      cmocka_unit_test(bad_numbers_stay_in_their_lane),
      cmocka_unit_test(a_bad_number_hides_no_point),
      cmocka_unit_test(other_inputs_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
