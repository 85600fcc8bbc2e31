/* Networks on dual numbers against the plain double reference: tangents of outputs by differences
 * along the direction, gradients of tangents by differences of those. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "net/dual.h"
#include "nets.h"
#include "reference.h"

enum { TILES = 2, LOOKED = 4, MOST = 512 };

/* Samples that the loss sees: (tile, lane). */
static const int looked[LOOKED][2] = {{0, 0}, {0, 11}, {1, 5}, {1, 15}};

static const float guard = 12345; /* behind an output */

/* One layer, then a dense one back to the size of the input; or as they stand, the last without a
 * way back. */
static const struct {
  const char *encoder, *decoder;
  Shape in;
} cases[] = {
    {"dense 7", NULL, {5, 1, 1}},
    {"dense 6 bias=0", NULL, {3, 2, 2}},
    {"conv2d 3 kernel=3 padding=1", NULL, {2, 5, 6}},
    {"conv2d 3 kernel=3 stride=2 padding=1", NULL, {2, 7, 6}},
    {"conv2d 6 kernel=4", NULL, {3, 4, 4}},
    {"conv2d 8 kernel=3 padding=1", NULL, {8, 6, 5}},
    {"conv_transpose2d 3 kernel=3", NULL, {2, 4, 5}},
    {"conv_transpose2d 2 kernel=3 stride=2 padding=1 output_padding=1", NULL, {3, 4, 3}},
    {"conv1d 3 kernel=5 padding=2", NULL, {2, 1, 9}},
    {"conv_transpose1d 2 kernel=4 stride=2 padding=1", NULL, {3, 1, 5}},
    {"repeat 5", NULL, {4, 1, 1}},
    {"max_pool2d 2", NULL, {2, 5, 7}},
    {"max_pool2d 3 stride=2", NULL, {2, 7, 6}},
    {"avg_pool2d 3 stride=1", NULL, {2, 4, 5}},
    {"upsample 3", NULL, {2, 2, 3}},
    {"upsample 2 mode=1", NULL, {2, 4, 3}},
    {"upsample 3 mode=1 align_corners=1", NULL, {1, 2, 4}},
    {"relu", NULL, {3, 3, 2}},
    {"leaky_relu 0.2", NULL, {3, 3, 2}},
    {"prelu", NULL, {5, 2, 4}},
    {"elu 0.7", NULL, {3, 3, 2}},
    {"sigmoid", NULL, {3, 3, 2}},
    {"tanh", NULL, {3, 3, 2}},
    {"softplus", NULL, {3, 3, 2}},
    {"sphere", NULL, {7, 1, 1}},
    {"sphere", "sphere", {2, 3, 2}},
    {"conv2d 3 kernel=3 padding=1; prelu; conv2d 8 kernel=3 padding=1; prelu; max_pool2d 2;"
     "dense 9; prelu; dense 3; sphere",
     "dense 12; tanh; reshape 3 height=2 width=2; conv_transpose2d 4 kernel=3 padding=1;"
     "leaky_relu; upsample 2 mode=1; conv2d 1 kernel=3 padding=1; sigmoid",
     {1, 4, 4}},
    {"prelu; dense 5; prelu; prelu; linear; dense 3; elu",
     "linear; softplus; dense 16; prelu; linear",
     {1, 4, 4}},
    {"dense 6; tanh; dense 1", "", {3, 2, 2}},
    {"gru 4", NULL, {3, 1, 5}},
    {"gru 7 returns=1", NULL, {2, 1, 4}},
    {"gru 5 masked=1", NULL, {3, 1, 6}},
    {"gru 17 returns=1 masked=1 reverse=1", NULL, {1, 1, 5}},
    {"lstm 4", NULL, {3, 1, 5}},
    {"lstm 6 returns=1 reverse=1", NULL, {2, 1, 4}},
    {"lstm 5 masked=1", NULL, {3, 1, 6}},
    {"lstm 11 returns=1 masked=1", NULL, {4, 1, 5}},
    {"gru 5 masked=1 returns=1; lstm 4 masked=1; dense 3; tanh",
     "repeat 5; gru 4 returns=1; lstm 3 returns=1; conv1d 3 kernel=1",
     {3, 1, 5}},
    {"edge_conv 5 neighbours=3", NULL, {3, 1, 7}},
    {"edge_conv 16 neighbours=8 coordinates=1", NULL, {5, 1, 12}},
    {"edge_conv 19 neighbours=4 pooling=1 slope=0.1", NULL, {4, 1, 9}},
    {"edge_conv 3 neighbours=1 bias=0", NULL, {4, 1, 5}},
    {"pool_points", NULL, {4, 1, 6}},
    {"pool_points 1", NULL, {3, 1, 5}},
    {"pool_points 2", NULL, {2, 1, 4}},
    {"pool_points 0 weighted=1", NULL, {4, 1, 3}},
    {"pool_points 2 weighted=1", NULL, {3, 1, 5}},
    {"edge_conv 5 neighbours=3 coordinates=1; edge_conv 4 neighbours=3; pool_points 0 weighted=1;"
     "tanh",
     NULL,
     {3, 1, 6}},
};

typedef struct Run {
  Net *net;
  Weights weights;
  Dual *dual;
  long n, m; /* features that come in and go out */
  float *w, *dw, *x[TILES], *xt[TILES], *y[TILES], *yt[TILES], *dy[TILES], *dyt[TILES];
  double *wide; /* (P) */
} Run;

/* Of lanes that are not looked at, zeros. */
static float *loose(uint32_t stream, int tile, long n) {
  float *dy = some_floats(stream, (size_t)n * L);
  for (int l = 0; l < L; l++) {
    bool counts = false;
    for (int k = 0; k < LOOKED; k++) counts |= looked[k][0] == tile && looked[k][1] == l;
    for (long i = 0; i < n && !counts; i++) dy[i * L + l] = 0;
  }
  return dy;
}

/* Points of a lane of a sequence: of those looked at all, one, some and none. */
static int length_of(int tile, int l, int points) {
  if (tile == 0) return l == 0 ? points : l == 11 ? 1 : l % (points + 1);
  return l == 5 ? points - 2 : l == 15 ? 0 : (l + 1) % (points - 1);
}

/* Where a layer leaves absent points out, some are: the last ones; in odd lanes the last of all is
 * there before others; the last but one of tile 1 is nowhere. */
static bool is_absent(const Net *net, int tile, int l, long i) {
  Shape s = net->input;
  return net_reads_points(net) && (i + l % 2) % s.w >= length_of(tile, l, s.w);
}

static void fill_absent(const Net *net, float *x, int tile, float fill) {
  for (long i = 0; i < shape_size(net->input) * L; i++)
    if (is_absent(net, tile, (int)(i % L), i / L)) x[i] = fill;
}

/* Weighted by shares above 0. */
static void make_positive(float *x, Shape s) {
  for (long i = 0; i < (long)s.w * L; i++) x[i] = fabsf(x[i]);
}

static void run_new(Run *run, size_t i) {
  char back[32];
  run->n = shape_size(cases[i].in);
  snprintf(back, sizeof back, "dense %ld", run->n);
  NetSpec spec = net_parse(cases[i].encoder, cases[i].decoder ? cases[i].decoder : back);
  assert_int_equal(net_new(&run->net, &spec, cases[i].in), OK);
  assert_null(dual_refused(run->net));
  run->m = shape_size(run->net->node[run->net->n_nodes - 1].out);
  run->w = MEM_NEW(float, "test", run->net->n_params);
  net_init(run->net, run->w, 5);
  run->dw = some_floats(2, run->net->n_params);
  run->wide = MEM_NEW(double, "test", run->net->n_params);
  for (size_t k = 0; k < run->net->n_params; k++) run->wide[k] = (double)run->w[k];
  run->weights = weights_new(run->net);
  weights_make(&run->weights, run->net, run->w, NULL);
  run->dual = dual_new(run->net, TILES);
  for (int t = 0; t < TILES; t++) {
    uint32_t stream = 20 + (uint32_t)t;
    run->x[t] = some_floats(stream, (size_t)run->n * L);
    run->xt[t] = some_floats(stream + 10, (size_t)run->n * L);
    if (strstr(cases[i].encoder, "weighted")) make_positive(run->x[t], cases[i].in);
    fill_absent(run->net, run->x[t], t, 0);
    fill_absent(run->net, run->xt[t], t, 3); /* it must not come through */
    run->y[t] = MEM_NEW(float, "test", (run->m + 1) * L);
    run->yt[t] = MEM_NEW(float, "test", (run->m + 1) * L);
    run->y[t][run->m * L] = run->yt[t][run->m * L] = guard;
    run->dy[t] = loose(stream + 20, t, run->m);
    run->dyt[t] = loose(stream + 30, t, run->m);
  }
}

static void run_free(Run *run) {
  for (int t = 0; t < TILES; t++) {
    float **of[] = {&run->x[t], &run->xt[t], &run->y[t], &run->yt[t], &run->dy[t], &run->dyt[t]};
    for (size_t k = 0; k < sizeof of / sizeof *of; k++) mem_free(of[k]);
  }
  mem_free(&run->w);
  mem_free(&run->dw);
  mem_free(&run->wide);
  weights_free(&run->weights);
  dual_free(&run->dual);
  net_free(&run->net);
}

static void assert_near(const char *what, const char *where, long i, double found, double want,
                        double most) {
  if (fabs(found - want) <= most) return;
  fail_msg("%s: %s[%ld]: found %.9g, want %.9g", where, what, i, found, want);
}

/* Lane l of tile t, moved by h along xt; absent points stay. */
static void take(const Run *run, double *sample, double h, int t, int l) {
  for (long i = 0; i < run->n; i++) {
    double xt = is_absent(run->net, t, l, i) ? 0 : (double)run->xt[t][i * L + l];
    sample[i] = (double)run->x[t][i * L + l] + h * xt;
  }
}

/* dy . yt + dyt . y of one sample x */
static double phi(const Run *run, const double *x, int t, int l) {
  const double h = 2e-5;
  double at[MOST], y[MOST], sum = 0;
  for (int side = -1; side <= 1; side++) {
    for (long i = 0; i < run->n; i++)
      at[i] =
          x[i] + (is_absent(run->net, t, l, i) ? 0 : side * h * (double)run->xt[t][i * L + l]);
    reference_net(run->net, 0, run->net->n_nodes, y, at, run->wide);
    for (long i = 0; i < run->m; i++) {
      double dy = (double)run->dy[t][i * L + l], dyt = (double)run->dyt[t][i * L + l];
      sum += y[i] * (side ? side * dy / (2 * h) : dyt);
    }
  }
  return sum;
}

/* By differences in *p, one of the numbers that phi follows from. */
static double slope(const Run *run, double *p, const double *x, int t, int l) {
  const double h = 2e-5, old = *p;
  *p = old + h;
  double up = phi(run, x, t, l);
  *p = old - h;
  double down = phi(run, x, t, l);
  *p = old;
  return (up - down) / (2 * h);
}

static void check_tangents(const Run *run, const char *where, int t) {
  double at[MOST], up[MOST], down[MOST];
  const double h = 1e-5;
  assert_true(run->y[t][run->m * L] == guard && run->yt[t][run->m * L] == guard);
  for (int l = 0; l < L; l += 5) {
    take(run, at, h, t, l);
    reference_net(run->net, 0, run->net->n_nodes, up, at, run->wide);
    take(run, at, -h, t, l);
    reference_net(run->net, 0, run->net->n_nodes, down, at, run->wide);
    for (long i = 0; i < run->m; i++) {
      assert_near("yt", where, i, run->yt[t][i * L + l], (up[i] - down[i]) / (2 * h), 1e-5);
      assert_near("y", where, i, run->y[t][i * L + l], (up[i] + down[i]) / 2, 1e-5);
    }
  }
}

static void check_gradients(const Run *run, const char *where, float *const *dxt) {
  double x[LOOKED][MOST];
  for (int k = 0; k < LOOKED; k++) {
    int t = looked[k][0], l = looked[k][1];
    take(run, x[k], 0, t, l);
    for (long i = 0; i < run->n; i++) {
      double want = is_absent(run->net, t, l, i) ? 0 : slope(run, &x[k][i], x[k], t, l);
      assert_near("dxt", where, i, dxt[t][i * L + l], want, 1e-5);
    }
  }
  for (size_t i = 0; i < run->net->n_params; i += 1 + run->net->n_params / 60) {
    double want = (double)some(2, (uint32_t)i);
    for (int k = 0; k < LOOKED; k++)
      want += slope(run, &run->wide[i], x[k], looked[k][0], looked[k][1]);
    assert_near("dw", where, (long)i, run->dw[i], want, 1e-5);
  }
}

static void tangents_follow_the_reference(void **state) {
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    Run run;
    float *dxt[TILES];
    run_new(&run, i);
    for (int t = 0; t < TILES; t++) {
      dxt[t] = MEM_NEW(float, "test", run.n *L);
      dual_forward(run.net, &run.weights, run.dual, t, run.y[t], run.yt[t], run.x[t], run.xt[t]);
    }
    for (int t = 0; t < TILES; t++) check_tangents(&run, cases[i].encoder, t);
    dual_gradient(run.net, &run.weights, run.dual, TILES, run.dw, dxt, run.dy, run.dyt);
    check_gradients(&run, cases[i].encoder, dxt);
    for (int t = 0; t < TILES; t++) mem_free(&dxt[t]);
    run_free(&run);
  }
}

static void layers_without_tangents_are_named(void **state) {
  Net *net;
  NetSpec spec = net_parse("dense 8; gaussian", "dense 8");
  assert_int_equal(net_new(&net, &spec, (Shape){2, 1, 4}), OK);
  assert_ptr_equal(dual_refused(net), &net->node[1]);
  net_free(&net);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(tangents_follow_the_reference),
                                     cmocka_unit_test(layers_without_tangents_are_named)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
