/* Networks as a whole: fused chains, ranges, spectral norm, initial values, messages. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "nets.h"

static Net *net_made(const char *encoder, const char *decoder, Shape input) {
  NetSpec spec = net_parse(encoder, decoder);
  Net *net;
  if (net_new(&net, &spec, input)) fail_msg("%s", err_message());
  return net;
}

/* ---- the same bits fused or not ---- */

static const char *const encoder =
    "linear; conv2d 8 kernel=3 padding=1 spectral=1; prelu; conv2d 8 kernel=3 padding=1; prelu;"
    "max_pool2d 2; leaky_relu 0.3; conv2d 3 kernel=3 stride=2 padding=1; relu; avg_pool2d 2; "
    "relu;"
    "dense 20 spectral=1; prelu; dense 3; sphere";
static const char *const decoder =
    "dense 18; prelu; reshape 2 height=3 width=3; linear; conv_transpose2d 8 kernel=3 padding=1;"
    "prelu; upsample 2 mode=1; prelu; upsample 2; leaky_relu; conv2d 1 kernel=3 padding=1; "
    "sigmoid;"
    "reshape 1 height=12 width=12; linear";
static const Shape image = {1, 12, 12};

typedef struct Made {
  Net *net;
  float *w, *s, *x, *dy;
  Weights weights;
  Work *work;
} Made;

static Made made(void) {
  Made m = {.net = net_made(encoder, decoder, image)};
  m.w = MEM_NEW(float, "test", m.net->n_params);
  m.s = MEM_NEW(float, "test", m.net->n_spectral);
  net_init(m.net, m.w, 3);
  net_spectral_init(m.net, m.s, m.w, 3);
  net_spectral_step(m.net, m.s, m.w, 15);
  m.weights = weights_new(m.net);
  weights_make(&m.weights, m.net, m.w, m.s);
  m.work = work_new(m.net, 2);
  m.x = some_floats(1, (size_t)shape_size(image) * L);
  m.dy = some_floats(2, (size_t)shape_size(image) * L);
  return m;
}

static void made_free(Made *m) {
  mem_free(&m->w);
  mem_free(&m->s);
  mem_free(&m->x);
  mem_free(&m->dy);
  weights_free(&m->weights);
  work_free(&m->work);
  net_free(&m->net);
}

static size_t bytes_of(Shape s) { return (size_t)shape_size(s) * L * sizeof(float); }

static void fused_is_unfused(void **state) {
  Made m = made();
  int n = m.net->n_nodes;
  size_t size = (size_t)m.net->widest * L, out = bytes_of(image);
  float *y = MEM_NEW(float, "test", size), *dx = MEM_NEW(float, "test", size);
  float *a = MEM_NEW(float, "test", size), *b = MEM_NEW(float, "test", size);
  net_forward(m.net, &m.weights, m.work, 0, 0, n, KEEP_SIGNS, y, m.x);
  net_backward(m.net, &m.weights, m.work, 0, n, dx, m.dy);

  net_forward(m.net, &m.weights, m.work, 0, 0, n, KEEP_NOTHING, a, m.x);
  assert_memory_equal(a, y, out);
  net_forward(m.net, &m.weights, m.work, 1, 0, n, KEEP_ALL, a, m.x);
  assert_memory_equal(a, y, out);

  memcpy(a, m.x, out); /* layer by layer nothing can fuse */
  for (int i = 0; i < n; i++) {
    net_forward(m.net, &m.weights, m.work, 0, i, i + 1, KEEP_SIGNS, b, a);
    memcpy(a, b, bytes_of(m.net->node[i].out));
  }
  assert_memory_equal(a, y, out);
  memcpy(a, m.dy, out);
  for (int i = n - 1; i >= 0; i--) {
    net_backward(m.net, &m.weights, m.work, i, i + 1, b, a);
    memcpy(a, b, bytes_of(m.net->node[i].in));
  }
  assert_memory_equal(a, dx, out);
  mem_free(&y);
  mem_free(&dx);
  mem_free(&a);
  mem_free(&b);
  made_free(&m);
}

static void halves_make_the_whole(void **state) {
  Made m = made();
  int n = m.net->n_nodes, half = m.net->n_encoder;
  float *y = some_floats(3, (size_t)shape_size(image) * L),
        *y2 = some_floats(4, (size_t)shape_size(image) * L);
  float z[3 * L] __attribute__((aligned(64)));
  net_forward(m.net, &m.weights, m.work, 0, 0, n, KEEP_ALL, y, m.x);
  net_forward(m.net, &m.weights, m.work, 0, 0, half, KEEP_NOTHING, z, m.x);
  net_forward(m.net, &m.weights, m.work, 0, half, n, KEEP_NOTHING, y2, z);
  assert_memory_equal(y, y2, bytes_of(image));
  mem_free(&y);
  mem_free(&y2);
  made_free(&m);
}

/* ---- the sphere's origin ---- */

static void origin_stays_put(void **state) {
  Node node = node_make("sphere", (Shape){3, 1, 1});
  float x[3 * L] __attribute__((aligned(64))) = {0}, y[3 * L] __attribute__((aligned(64)));
  float dx[3 * L] __attribute__((aligned(64))), kept[4 * L] __attribute__((aligned(64)));
  x[1] = 4, x[L + 1] = 3; /* sample 1: (4, 3, 0) */
  node.op->forward(&node, y, kept, x, NULL, NULL, (Finish){0});
  float dy[3 * L] __attribute__((aligned(64)));
  for (int i = 0; i < 3 * L; i++) dy[i] = 1;
  node.op->backward(&node, dx, dy, kept, NULL, NULL, (Finish){0});
  for (int i = 0; i < 3; i++) assert_true(y[i * L] == 0 && dx[i * L] == 0);
  const double want[3] = {0.8, 0.6, 0}, gradient[3] = {-0.024, 0.032, 0.2};
  for (int i = 0; i < 3; i++) {
    assert_true(fabs(y[i * L + 1] - want[i]) < 1e-7);
    assert_true(fabs(dx[i * L + 1] - gradient[i]) < 1e-7);
  }
}

/* ---- spectral norm ---- */

/* W = 3 a b^T + 2 c d^T of unit vectors, a and c orthogonal, b and d too: sigma is 3, u and v are
 * a and b. Vectors of +-1: a constant, c alternating in sign from pair to pair. */
static double known_weight(int row, int rows, int column, int columns) {
  double unit = 1 / sqrt((double)rows * columns);
  return (3 + 2 * (row & 1 ? -1 : 1) * (column & 1 ? -1 : 1)) * unit;
}

/* (I, O, K, K) for a transposed convolution: the axis of the outputs is the second. */
static void fill_known(const Tensor *t, float *w) {
  int rows = t->dims[t->spectral_axis], columns = (int)t->size / rows;
  int after = t->n_dims == 4 ? t->dims[2] * t->dims[3] : columns;
  for (int i = 0; i < (int)t->size; i++) {
    int row = i / after % rows, column = i / (after * rows) * after + i % after;
    if (!t->spectral_axis) row = i / columns, column = i % columns;
    w[i] = (float)known_weight(row, rows, column, columns);
  }
}

static void check_known(const char *layer, Shape in) {
  char text[128];
  snprintf(text, sizeof text, "%s; dense %ld", layer, shape_size(in));
  Net *net = net_made("linear", text, in);
  float *w = MEM_NEW(float, "test", net->n_params), *s = MEM_NEW(float, "test", net->n_spectral);
  fill_known(net_tensor(net, 0, NULL, NULL), w);
  net_spectral_init(net, s, w, 11);
  net_spectral_step(net, s, w, 40);
  assert_true(fabs(net_spectral_sigma(net, 0, w, s) - 3) < 1e-6);
  int rows = net_tensor(net, 0, NULL, NULL)->dims[net_tensor(net, 0, NULL, NULL)->spectral_axis];
  for (size_t i = 0; i < net->n_spectral; i++) {
    double n = i < (size_t)rows ? rows : (double)net->n_spectral - rows;
    assert_true(fabs(fabs(s[i]) - 1 / sqrt(n)) < 1e-6);
  }
  Weights weights = weights_new(net);
  weights_make(&weights, net, w, s);
  assert_true(fabs(weights.w[0] - w[0] / 3) < 1e-6);
  weights_make(&weights, net, w, NULL);
  assert_true(weights.w[0] == w[0]);
  weights_free(&weights);
  mem_free(&w);
  mem_free(&s);
  net_free(&net);
}

static void sigma_is_the_largest_singular_value(void **state) {
  check_known("dense 10 spectral=1", (Shape){150, 1, 1});
  check_known("conv2d 4 kernel=4 spectral=1", (Shape){6, 4, 4});
  check_known("conv_transpose2d 6 kernel=2 spectral=1", (Shape){4, 3, 3});
}

/* ---- initial values ---- */

static void initial_values_are_uniform(void **state) {
  Net *net = net_made("dense 100; prelu", "dense 400", (Shape){400, 1, 1});
  float *w = MEM_NEW(float, "test", net->n_params);
  net_init(net, w, 7);
  double sum = 0, square = 0, largest = 0;
  for (int i = 0; i < 40000; i++) {
    sum += w[i], square += (double)w[i] * w[i];
    largest = fmax(largest, fabs(w[i]));
  }
  double bound = 0.05; /* 1 / sqrt(400) */
  assert_true(largest <= bound && largest > 0.999 * bound);
  assert_true(fabs(sum / 40000) < 5 * bound / sqrt(3 * 40000));
  assert_true(fabs(square / 40000 - bound * bound / 3) < 0.02 * bound * bound / 3);
  char name[48];
  const Node *node;
  assert_string_equal(net_tensor(net, 2, name, &node)->name, "slope");
  assert_string_equal(name, "encoder.1.slope");
  assert_true(w[net->tensor_offset[2]] == 0.25f);
  net_tensor(net, 4, name, &node);
  assert_string_equal(name, "decoder.0.bias");
  assert_true(node == &net->node[2]);
  assert_int_equal(net->tensor_offset[net->n_tensors], 400 * 100 * 2 + 100 + 1 + 400);
  mem_free(&w);
  net_free(&net);
}

/* ---- messages ---- */

static const struct {
  const char *encoder, *decoder;
  Shape input;
  const char *says[3];
} wrong[] = {
    {"dense 4; conv3d 2", "dense 9", {1, 3, 3}, {"encoder layer 2 (conv3d)", "conv2d", "sphere"}},
    {"dense 4", "dense 8", {1, 3, 3}, {"decoder", "8 features", "1 x 3 x 3 = 9"}},
    {"dense 4",
     "dense 36; reshape 9 height=2 width=2",
     {1, 6, 6},
     {"decoder", "9 x 2 x 2", "add a reshape layer"}},
    {"dense 4",
     "prelu; reshape 2 height=3 width=3",
     {1, 3, 3},
     {"decoder layer 2 (reshape)", "4 features", "= 18"}},
    {"max_pool2d 4",
     "dense 9",
     {1, 3, 3},
     {"encoder layer 1 (max_pool2d)", "1 x 3 x 3", "kernel, 4"}},
    {"upsample 2 align_corners=1",
     "dense 9",
     {1, 3, 3},
     {"encoder layer 1 (upsample)", "align_corners", "bilinear"}},
    {"avg_pool2d 2.5",
     "dense 9",
     {1, 3, 3},
     {"encoder layer 1 (avg_pool2d)", "kernel", "whole number"}},
    {"elu -1", "dense 9", {1, 3, 3}, {"encoder layer 1 (elu)", "alpha", "found -1"}},
    {"reshape", "dense 9", {1, 3, 3}, {"encoder layer 1 (reshape)", "channels", "missing"}},
    {"upsample 64; upsample 64",
     "dense 9",
     {1, 3, 3},
     {"encoder layer 2 (upsample)", "at most", ""}},
    {"dense 1000000; dense 1000000",
     "dense 9",
     {1, 3, 3},
     {"encoder layer 2 (dense)", "weight", "at most"}},
    {"gru 4", "dense 9", {1, 3, 3}, {"encoder layer 1 (gru)", "1 x 3 x 3", "want a sequence"}},
    {"gru", "dense 9", {1, 1, 9}, {"encoder layer 1 (gru)", "units", "missing"}},
    {"lstm 4 masked=1",
     "repeat 9; lstm 1 masked=1 returns=1",
     {1, 1, 9},
     {"decoder layer 2 (lstm)", "behind repeat", "no absent points"}},
    {"conv1d 2 kernel=3",
     "dense 9",
     {1, 3, 3},
     {"encoder layer 1 (conv1d)", "3 rows", "want one row"}},
    {"", "dense 9", {1, 3, 3}, {"found 0 encoder", "1 decoder", ""}},
    {"dense 4", "dense 9", {1, 0, 3}, {"network input", "1 x 0 x 3", ""}},
};

static void messages_name_the_layer(void **state) {
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    NetSpec spec = net_parse(wrong[i].encoder, wrong[i].decoder);
    Net *net;
    assert_int_equal(net_new(&net, &spec, wrong[i].input), ERR_USER);
    assert_null(net);
    for (int k = 0; k < 3; k++)
      if (!strstr(err_message(), wrong[i].says[k]))
        fail_msg("found message \"%s\", want \"%s\" in it", err_message(), wrong[i].says[k]);
  }
  Net *net = net_made("dense 4", "dense 9", (Shape){1, 3, 3}); /* flat output, image input */
  net_free(&net);
  assert_int_equal(mem_total(), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(fused_is_unfused),
      cmocka_unit_test(halves_make_the_whole),
      cmocka_unit_test(origin_stays_put),
      cmocka_unit_test(sigma_is_the_largest_singular_value),
      cmocka_unit_test(initial_values_are_uniform),
      cmocka_unit_test(messages_name_the_layer),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
