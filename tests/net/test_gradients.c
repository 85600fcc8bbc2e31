/* Every layer and whole networks against the plain double reference: outputs, and gradients to
 * the weights and to the input by finite differences of the reference. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "nets.h"
#include "reference.h"

enum { TILES = 2, LOOKED = 3 };

/* Samples whose outputs count, the others have no gradient: (tile, lane). */
static const int looked[LOOKED][2] = {{0, 0}, {0, 11}, {1, 15}};

typedef struct Case {
  const char *layer;
  Shape in;
} Case;

static const Case cases[] = {
    {"dense 7", {5, 1, 1}},
    {"dense 33", {3, 4, 2}},
    {"dense 3", {70, 1, 1}},
    {"conv2d 3 kernel=3 padding=1", {2, 5, 6}},
    {"conv2d 1 kernel=3 padding=1", {9, 6, 4}},
    {"conv2d 4 kernel=3", {1, 6, 7}},
    {"conv2d 3 kernel=3 stride=2 padding=1", {2, 7, 6}},
    {"conv2d 3 kernel=2 stride=3", {2, 8, 7}},
    {"conv2d 5 kernel=5 padding=2", {2, 5, 4}},
    {"conv2d 6 kernel=4", {3, 4, 4}},
    {"conv2d 5 kernel=1", {4, 3, 3}},
    {"conv2d 8 kernel=3 padding=1", {8, 6, 5}},
    {"conv2d 9 kernel=3", {10, 7, 8}},
    {"conv_transpose2d 3 kernel=3", {2, 4, 5}},
    {"conv_transpose2d 4 kernel=3 padding=1", {1, 5, 4}},
    {"conv_transpose2d 2 kernel=3 stride=2 padding=1 output_padding=1", {3, 4, 3}},
    {"conv_transpose2d 3 kernel=2 stride=3 output_padding=2", {2, 3, 3}},
    {"conv_transpose2d 2 kernel=4 stride=2 padding=1", {3, 3, 4}},
    {"conv_transpose2d 8 kernel=3 padding=1", {8, 5, 6}},
    {"conv_transpose2d 9 kernel=3 padding=2", {8, 8, 7}},
    {"conv1d 3 kernel=5 padding=2", {2, 1, 9}},
    {"conv1d 9 kernel=3 padding=1", {8, 1, 6}},
    {"conv1d 2 kernel=4 stride=3 padding=2", {3, 1, 11}},
    {"conv1d 5 kernel=6", {2, 1, 6}},
    {"conv_transpose1d 3 kernel=5", {2, 1, 4}},
    {"conv_transpose1d 2 kernel=4 stride=2 padding=1", {3, 1, 5}},
    {"conv_transpose1d 2 kernel=3 stride=2 padding=1 output_padding=1", {2, 1, 5}},
    {"gru 4", {3, 1, 5}},
    {"gru 7 returns=1", {2, 1, 4}},
    {"gru 5 masked=1", {3, 1, 6}},
    {"gru 17 returns=1 masked=1", {1, 1, 11}},
    {"gru 3 masked=1 reverse=1", {2, 1, 5}},
    {"lstm 4", {3, 1, 5}},
    {"lstm 6 returns=1 reverse=1", {2, 1, 4}},
    {"lstm 5 masked=1", {3, 1, 6}},
    {"lstm 11 returns=1 masked=1", {4, 1, 9}},
    {"repeat 5", {4, 1, 1}},
    {"edge_conv 5 neighbours=3", {3, 1, 7}},
    {"edge_conv 16 neighbours=8 coordinates=1", {5, 1, 12}},
    {"edge_conv 19 neighbours=4 pooling=1 slope=0.1", {11, 1, 9}},
    {"edge_conv 3 neighbours=1 bias=0", {4, 1, 5}},
    {"edge_conv 2 neighbours=32 coordinates=1 slope=0", {3, 1, 6}},
    {"edge_conv 1 neighbours=16", {3, 1, 66}},
    {"pool_points", {4, 1, 6}},
    {"pool_points 1", {3, 1, 5}},
    {"pool_points 2", {2, 1, 4}},
    {"pool_points 0 weighted=1", {4, 1, 3}},
    {"pool_points 2 weighted=1", {3, 1, 5}},
    {"max_pool2d", {3, 4, 6}},
    {"max_pool2d 2", {2, 5, 7}},
    {"max_pool2d 3 stride=2", {2, 7, 6}},
    {"max_pool2d 3", {1, 6, 3}},
    {"max_pool2d 2 stride=3", {1, 5, 8}},
    {"max_pool2d 1", {1, 2, 2}},
    {"avg_pool2d", {3, 4, 6}},
    {"avg_pool2d 3 stride=1", {2, 4, 5}},
    {"avg_pool2d 3", {1, 7, 6}},
    {"upsample", {2, 3, 4}},
    {"upsample 3", {2, 2, 3}},
    {"upsample 2 mode=1", {2, 4, 3}},
    {"upsample 2 mode=1", {1, 1, 1}},
    {"upsample 3 mode=1", {2, 3, 4}},
    {"upsample 4 mode=1", {1, 2, 1}},
    {"upsample 2 mode=1 align_corners=1", {2, 4, 3}},
    {"upsample 3 mode=1 align_corners=1", {1, 1, 4}},
    {"upsample 1 mode=1 align_corners=1", {1, 1, 2}},
    {"relu", {3, 3, 2}},
    {"leaky_relu 0.2", {3, 3, 2}},
    {"prelu", {5, 5, 4}},
    {"elu 0.7", {3, 3, 2}},
    {"sigmoid", {3, 3, 2}},
    {"tanh", {3, 3, 2}},
    {"softplus", {3, 3, 2}},
    {"sphere", {7, 1, 1}},
    {"sphere", {2, 3, 2}},
    {"gaussian", {6, 1, 1}},
};

static void assert_near(const char *what, const char *where, long i, double found, double want,
                        double scale) {
  if (fabs(found - want) <= scale) return;
  fail_msg("%s: %s[%ld]: found %.9g, want %.9g", where, what, i, found, want);
}

static double *widened(const float *x, size_t n) {
  double *y = MEM_NEW(double, "test", n);
  for (size_t i = 0; i < n; i++) y[i] = x[i];
  return y;
}

/* Sample l of x (n, L). */
static void take_lane(double *sample, const float *x, long n, int l) {
  for (long i = 0; i < n; i++) sample[i] = x[i * L + l];
}

static float *loose_gradients(uint32_t stream, int tile, long n) {
  float *dy = some_floats(stream, (size_t)n * L);
  for (int l = 0; l < L; l++) {
    bool counts = false;
    for (int k = 0; k < LOOKED; k++) counts |= looked[k][0] == tile && looked[k][1] == l;
    for (long i = 0; i < n && !counts; i++) dy[i * L + l] = 0;
  }
  return dy;
}

/* ---- one layer ---- */

/* Points of lane l of a sequence: those looked at have all, one and none. */
static int length_of(int tile, int l, int points) {
  if (tile == 0 && l == 0) return points;
  if (tile == 0 && l == 11) return 1;
  return tile == 1 && l == 15 ? 0 : (l + tile) % (points + 1);
}

static void cut_lengths(float *x, Shape s, int tile) {
  for (int c = 0; c < s.c; c++)
    for (int t = 0; t < s.w; t++)
      for (int l = 0; l < L; l++)
        if (t >= length_of(tile, l, s.w)) x[((long)c * s.w + t) * L + l] = 0;
}

typedef struct Run {
  Node node;
  long n, m;
  size_t p;
  float *w, *packed, *dw, *x[TILES], *y[TILES], *dx[TILES], *dy[TILES];
} Run;

static size_t size_of(size_t (*size)(const Node *), const Node *node) {
  return size ? size(node) : 0;
}

/* Gradient and backward at once must give what backward alone gives, also in place. */
static void run_both(Run *run, void *const *kept) {
  float *dx[TILES];
  const Node *node = &run->node;
  for (int t = 0; t < TILES; t++) {
    dx[t] = MEM_NEW(float, "test", run->n *L);
    node->op->forward(node, run->y[t], kept[t], run->x[t], run->w, run->packed, (Finish){0});
    memcpy(dx[t], node->op->leak ? run->y[t] : run->x[t], (size_t)(run->n * L) * sizeof(float));
  }
  node->op->gradient_backward(node, run->dw, dx, (const float *const *)dx,
                              (const float *const *)run->dy, kept, TILES, run->w, run->packed);
  for (int t = 0; t < TILES; t++) {
    assert_memory_equal(dx[t], run->dx[t], (size_t)(run->n * L) * sizeof(float));
    mem_free(&dx[t]);
  }
}

static void run_layer(Run *run, const Case *c) {
  Node *node = &run->node;
  *node = node_make(c->layer, c->in);
  const Layer *op = node->op;
  run->n = shape_size(node->in), run->m = shape_size(node->out), run->p = node_params(node);
  run->w = some_floats(1, run->p);
  run->dw = some_floats(2, run->p);
  run->packed = MEM_NEW(float, "test", size_of(op->packed_size, node));
  if (op->pack) op->pack(node, run->packed, run->w);
  void *kept[TILES];
  for (int t = 0; t < TILES; t++) {
    kept[t] = mem_new("test", size_of(op->kept_size, node), 1);
    run->x[t] = some_floats(3 + (uint32_t)t, (size_t)run->n * L);
    if (op->points && op->points(node) & POINTS_READ) cut_lengths(run->x[t], c->in, t);
    run->dy[t] = loose_gradients(13 + (uint32_t)t, t, run->m);
    run->y[t] = MEM_NEW(float, "test", run->m *L);
    run->dx[t] = MEM_NEW(float, "test", run->n *L);
    op->forward(node, run->y[t], kept[t], run->x[t], run->w, run->packed, (Finish){0});
    op->backward(node, run->dx[t], run->dy[t], kept[t], run->w, run->packed, (Finish){0});
  }
  if (op->gradient)
    op->gradient(node, run->dw, (const float *const *)run->x, (const float *const *)run->dy,
                 TILES, run->w);
  if (op->gradient_backward) run_both(run, kept);
  for (int t = 0; t < TILES; t++) mem_free(&kept[t]);
}

static void free_run(Run *run) {
  mem_free(&run->w);
  mem_free(&run->dw);
  mem_free(&run->packed);
  for (int t = 0; t < TILES; t++) {
    mem_free(&run->x[t]);
    mem_free(&run->y[t]);
    mem_free(&run->dx[t]);
    mem_free(&run->dy[t]);
  }
}

/* Of many weights or inputs look at about fifty. */
static size_t stride_of(size_t n) { return 1 + n / 50; }

static double tolerance(double terms) { return 3e-7 * (4 + sqrt(terms)); }

static void check_outputs(const Run *run, const char *where, const double *w) {
  double *x = MEM_NEW(double, "test", run->n), *y = MEM_NEW(double, "test", run->m);
  for (int l = 0; l < L; l++) {
    take_lane(x, run->x[0], run->n, l);
    reference_layer(&run->node, y, x, w);
    for (long i = 0; i < run->m; i++)
      assert_near("y", where, i * L + l, run->y[0][i * L + l], y[i], tolerance((double)run->p));
  }
  mem_free(&x);
  mem_free(&y);
}

/* d(dy . y)/dp by central differences, p one of the doubles that y follows from. */
static double difference(const Run *run, double *p, const double *x, const double *w, int k,
                         double *y) {
  const float *dy = run->dy[looked[k][0]] + looked[k][1];
  const double h = 1e-6, old = *p;
  double sum = 0;
  for (int side = -1; side <= 1; side += 2) {
    *p = old + side * h;
    reference_layer(&run->node, y, x, w);
    for (long i = 0; i < run->m; i++) sum += side * dy[i * L] * y[i];
  }
  *p = old;
  return sum / (2 * h);
}

static void check_gradients(const Run *run, const char *where, double *w) {
  double *x = MEM_NEW(double, "test", run->n), *y = MEM_NEW(double, "test", run->m);
  double *dw = MEM_NEW(double, "test", run->p);
  for (int k = 0; k < LOOKED; k++) {
    int t = looked[k][0], l = looked[k][1];
    take_lane(x, run->x[t], run->n, l);
    for (long i = 0; i < run->n; i += (long)stride_of((size_t)run->n))
      /* a step away from an absent point's zeros would make it present */
      assert_near("dx", where, i, run->dx[t][i * L + l],
                  x[i] == 0 ? 0 : difference(run, &x[i], x, w, k, y),
                  2e-6 + tolerance((double)run->m));
    for (size_t i = 0; i < run->p; i += stride_of(run->p))
      dw[i] += difference(run, &w[i], x, w, k, y);
  }
  for (size_t i = 0; i < run->p; i += stride_of(run->p))
    assert_near("dw", where, (long)i, run->dw[i], some(2, (uint32_t)i) + dw[i],
                2e-6 + tolerance((double)run->m * LOOKED));
  mem_free(&x);
  mem_free(&y);
  mem_free(&dw);
}

static void layers_follow_the_reference(void **state) {
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    Run run;
    run_layer(&run, &cases[i]);
    double *w = widened(run.w, run.p);
    check_outputs(&run, cases[i].layer, w);
    check_gradients(&run, cases[i].layer, w);
    mem_free(&w);
    free_run(&run);
  }
}

/* ---- whole networks ---- */

static const struct {
  const char *encoder, *decoder;
  Shape in;
} nets[] = {
    {"conv2d 3 kernel=3 padding=1 spectral=1; prelu; conv2d 8 kernel=3 padding=1 spectral=1; "
     "prelu;"
     "max_pool2d 2; dense 9 spectral=1; prelu; dense 3; sphere",
     "dense 12; prelu; reshape 3 height=2 width=2; conv_transpose2d 4 kernel=3 padding=1 "
     "spectral=1;"
     "leaky_relu; upsample 2 mode=1; conv2d 1 kernel=3 padding=1; sigmoid",
     {1, 4, 4}},
    {"reshape 16; dense 10; tanh; dense 4; linear",
     "linear; dense 8; elu; dense 16; linear",
     {1, 4, 4}},
    {"gru 5; dense 3", "repeat 4; gru 6 returns=1; conv1d 2 kernel=1", {2, 1, 4}},
    {"conv1d 4 kernel=3 padding=1; prelu; lstm 4 returns=1; lstm 3 reverse=1",
     "dense 10; tanh; reshape 5 width=2; conv_transpose1d 2 kernel=2 stride=2",
     {2, 1, 4}},
    /* leaky activations first, last, next to each other, and with nothing moving between */
    {"prelu; dense 5; prelu; prelu; dense 3; prelu; dense 4; prelu; prelu",
     "prelu; dense 6; prelu; reshape 2 height=3 width=1; tanh; prelu; dense 16; prelu",
     {1, 4, 4}},
};

typedef struct NetRun {
  Net *net;
  Weights weights;
  Work *work;
  long n, latent;
  float *w, *s, *dw, *x[TILES], *y[TILES], *dy[TILES], *dz[TILES];
} NetRun;

static void net_run_new(NetRun *run, size_t i) {
  NetSpec spec = net_parse(nets[i].encoder, nets[i].decoder);
  assert_int_equal(net_new(&run->net, &spec, nets[i].in), OK);
  run->n = shape_size(nets[i].in), run->latent = shape_size(net_latent(run->net));
  run->w = MEM_NEW(float, "test", run->net->n_params);
  run->dw = MEM_NEW(float, "test", run->net->n_params);
  run->s = MEM_NEW(float, "test", run->net->n_spectral);
  net_init(run->net, run->w, 5);
  net_spectral_init(run->net, run->s, run->w, 5);
  run->weights = weights_new(run->net);
  weights_make(&run->weights, run->net, run->w, run->s);
  run->work = work_new(run->net, TILES);
  for (int t = 0; t < TILES; t++) {
    run->x[t] = some_floats(20 + (uint32_t)t, (size_t)run->n * L);
    run->y[t] = MEM_NEW(float, "test", run->n *L);
    run->dy[t] = loose_gradients(30 + (uint32_t)t, t, run->n);
    run->dz[t] = loose_gradients(40 + (uint32_t)t, t, run->latent);
  }
}

static void net_run_free(NetRun *run) {
  mem_free(&run->w);
  mem_free(&run->s);
  mem_free(&run->dw);
  for (int t = 0; t < TILES; t++) {
    mem_free(&run->x[t]);
    mem_free(&run->y[t]);
    mem_free(&run->dy[t]);
    mem_free(&run->dz[t]);
  }
  weights_free(&run->weights);
  work_free(&run->work);
  net_free(&run->net);
}

/* W / sigma in double, sigma = u^T W v with u and v held: (O, I, ...) or, transposed, (I, O,
 * ...). */
static void effective(const Net *net, double *e, const double *w, const float *s) {
  for (int i = 0; i < net->n_tensors; i++) {
    const Node *node;
    const Tensor *t = net_tensor(net, i, NULL, &node);
    size_t at = net->tensor_offset[i];
    double sigma = t->spectral_axis < 0 ? 1 : 0;
    for (size_t k = 0; k < t->size && t->spectral_axis >= 0; k++) {
      size_t b = t->size / (size_t)t->dims[0], rows = (size_t)t->dims[t->spectral_axis];
      size_t taps = t->spectral_axis ? b / rows : b, row = k / taps % rows;
      size_t column = t->spectral_axis ? k / b * taps + k % taps : k % b;
      const float *u = s + net->spectral_offset[i];
      sigma += u[row] * w[at + k] * u[rows + column];
    }
    for (size_t k = 0; k < t->size; k++) e[at + k] = w[at + k] / sigma;
  }
}

/* Sum over the looked-at samples of dy . y + dz . z. */
static double loss(const NetRun *run, const double *w, double *e, const float *const *dy) {
  double x[64], y[64], z[64], sum = 0;
  effective(run->net, e, w, run->s);
  for (int k = 0; k < LOOKED; k++) {
    int t = looked[k][0], l = looked[k][1];
    take_lane(x, run->x[t], run->n, l);
    reference_net(run->net, 0, run->net->n_encoder, z, x, e);
    reference_net(run->net, run->net->n_encoder, run->net->n_nodes, y, z, e);
    for (long i = 0; i < run->n; i++) sum += dy[t][i * L + l] * y[i];
    for (long i = 0; i < run->latent; i++) sum += run->dz[t][i * L + l] * z[i];
  }
  return sum;
}

/* Decoder and encoder apart, dz added at the code between them. */
static void run_halves(NetRun *run) {
  int code = run->net->n_encoder, end = run->net->n_nodes;
  float *z[TILES];
  for (int t = 0; t < TILES; t++) {
    z[t] = MEM_NEW(float, "test", run->latent *L);
    net_forward(run->net, &run->weights, run->work, t, 0, code, KEEP_ALL, z[t], run->x[t]);
    net_forward(run->net, &run->weights, run->work, t, code, end, KEEP_ALL, run->y[t], z[t]);
  }
  net_gradient(run->net, &run->weights, run->work, TILES, code, end, run->dw, z, run->dy);
  for (int t = 0; t < TILES; t++)
    for (long i = 0; i < run->latent * L; i++) z[t][i] += run->dz[t][i];
  net_gradient(run->net, &run->weights, run->work, TILES, 0, code, run->dw, NULL, z);
  for (int t = 0; t < TILES; t++) mem_free(&z[t]);
}

static void check_net_gradient(NetRun *run, const char *where) {
  const float *dy[TILES];
  for (int t = 0; t < TILES; t++) dy[t] = loose_gradients(30 + (uint32_t)t, t, run->n);
  run_halves(run);
  net_spectral_gradient(run->net, run->dw, run->w, run->s);
  double *w = widened(run->w, run->net->n_params);
  double *e = MEM_NEW(double, "test", run->net->n_params);
  size_t step = run->net->n_params < 300 ? 1 : 7;
  for (size_t i = 0; i < run->net->n_params; i += step) {
    const double h = 1e-6, old = w[i];
    w[i] = old + h;
    double up = loss(run, w, e, dy);
    w[i] = old - h;
    double down = loss(run, w, e, dy);
    w[i] = old;
    assert_near("dw", where, (long)i, run->dw[i], (up - down) / (2 * h), 2e-5);
  }
  mem_free(&w);
  mem_free(&e);
  for (int t = 0; t < TILES; t++) mem_free(&dy[t]);
}

static void check_net_backward(NetRun *run, const char *where) {
  double *w = widened(run->w, run->net->n_params), x[64], y[64];
  double *e = MEM_NEW(double, "test", run->net->n_params);
  effective(run->net, e, w, run->s);
  float *dx = MEM_NEW(float, "test", run->n *L);
  float *dy = some_floats(50, (size_t)run->n * L);
  int to = run->net->n_nodes;
  net_forward(run->net, &run->weights, run->work, 0, 0, to, KEEP_SIGNS, run->y[0], run->x[0]);
  net_backward(run->net, &run->weights, run->work, 0, to, dx, dy);
  for (int l = 0; l < L; l += 5)
    for (long i = 0; i < run->n; i++) {
      double sum = 0;
      for (int side = -1; side <= 1; side += 2) {
        take_lane(x, run->x[0], run->n, l);
        x[i] += side * 1e-6;
        reference_net(run->net, 0, to, y, x, e);
        for (long k = 0; k < run->n; k++) sum += side * dy[k * L + l] * y[k];
      }
      assert_near("dx", where, i * L + l, dx[i * L + l], sum / 2e-6, 1e-5);
    }
  mem_free(&w);
  mem_free(&e);
  mem_free(&dx);
  mem_free(&dy);
}

static void networks_follow_the_reference(void **state) {
  for (size_t i = 0; i < sizeof nets / sizeof nets[0]; i++) {
    NetRun run;
    net_run_new(&run, i);
    check_net_gradient(&run, nets[i].encoder);
    check_net_backward(&run, nets[i].encoder);
    net_run_free(&run);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(layers_follow_the_reference),
                                     cmocka_unit_test(networks_follow_the_reference)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
