/* Every layer and two steps of training an autoencoder against PyTorch: the values of
 * pytorch_values.txt, made by make_pytorch_values.py. The file's path is the argument. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "nets.h"
#include "num/rows.h"

static FILE *values;
static char line[1 << 16];

static void rewind_to(const char *word) {
  rewind(values);
  while (fgets(line, sizeof line, values))
    if (!strncmp(line, word, strlen(word))) return;
  fail_msg("pytorch_values.txt has no line '%s'", word);
}

static Shape shape_of(const char *text) {
  Shape s;
  assert_int_equal(sscanf(text, " %d %d %d", &s.c, &s.h, &s.w), 3);
  return s;
}

/* The next line: "name n v v v ...", close to found[0], found[step], ... to 1e-5 of the largest.
 */
static void compare(const char *where, const char *name, const float *found, size_t n,
                    size_t lanes, size_t step) {
  assert_non_null(fgets(line, sizeof line, values));
  assert_memory_equal(line, name, strlen(name));
  char *at = line + strlen(name);
  assert_int_equal(strtoul(at, &at, 10), n * lanes);
  double *want = MEM_NEW(double, "test", n *lanes), largest = 0;
  for (size_t i = 0; i < n * lanes; i++) {
    want[i] = strtod(at, &at);
    largest = fmax(largest, fabs(want[i]));
  }
  for (size_t i = 0; i < n * lanes; i++) {
    double v = found[i % n * step + i / n];
    if (!(fabs(v - want[i]) <= 1e-5 * largest))
      fail_msg("%s: %s[%zu]: found %.9g, PyTorch has %.9g", where, name, i, v, want[i]);
  }
  mem_free(&want);
}

/* x (n, L) whose first samples are those of some(stream, ...), one after another; others zero. */
static float *samples(uint32_t stream, long n, int count) {
  float *x = MEM_NEW(float, "test", n *L);
  for (long i = 0; i < n * count; i++) x[i % n * L + i / n] = some(stream, (uint32_t)i);
  return x;
}

/* ---- layers ---- */

enum { COUNT = 2 }; /* samples of a layer's case */

/* Where points may be absent the second sample is three points shorter. */
static void cut_second(float *x, Shape s) {
  for (int c = 0; c < s.c; c++)
    for (int t = s.w - 3; t < s.w; t++) x[((long)c * s.w + t) * L + 1] = 0;
}

static void run_layer(Node *node, const char *text) {
  const Layer *op = node->op;
  long n = shape_size(node->in), m = shape_size(node->out);
  size_t p = node_params(node);
  float *w = some_floats(1, p), *dw = MEM_NEW(float, "test", p);
  float *packed = MEM_NEW(float, "test", op->packed_size ? op->packed_size(node) : 0);
  float *kept = MEM_NEW(float, "test", op->kept_size ? op->kept_size(node) / sizeof(float) : 0);
  float *x = samples(2, n, COUNT), *dy = samples(3, m, COUNT);
  float *y = MEM_NEW(float, "test", m *L), *dx = MEM_NEW(float, "test", n *L);
  const float *const *xs = (const float *const *)&x, *const *dys = (const float *const *)&dy;
  if (op->points && op->points(node) & POINTS_READ) cut_second(x, node->in);
  if (op->pack) op->pack(node, packed, w);
  if (op->forward) {
    op->forward(node, y, kept, x, w, packed, (Finish){0});
    op->backward(node, dx, dy, kept, w, packed, (Finish){0});
  }
  if (op->gradient) op->gradient(node, dw, xs, dys, 1, w);
  const float *const *seen = op->leak ? (const float *const *)&y : xs;
  if (op->gradient_backward)
    op->gradient_backward(node, dw, &dx, seen, dys, (void *[]){kept}, 1, w, packed);
  compare(text, "y", op->forward ? y : x, (size_t)m, COUNT, L);
  compare(text, "dx", op->forward ? dx : dy, (size_t)n, COUNT, L);
  compare(text, "dw", dw, p, 1, 1);
  float **all[] = {&w, &dw, &packed, &kept, &x, &dy, &y, &dx};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) mem_free(all[i]);
}

static void layers_agree(void **state) {
  int cases = 0;
  for (rewind_to("layer "); !strncmp(line, "layer ", 6); cases++) {
    char text[128];
    char *bar = strchr(line, '|');
    snprintf(text, sizeof text, "%.*s", (int)(bar - line - 7), line + 6);
    Node node = node_make(text, shape_of(bar + 1));
    run_layer(&node, text);
    assert_non_null(fgets(line, sizeof line, values));
  }
  assert_true(cases >= 30);
}

/* ---- an autoencoder ---- */

typedef struct Trained {
  Net *net;
  size_t p;
  long dim;
  float *w, *s, *dw, *m, *v, *x, *y;
  Weights weights;
  Work *work;
} Trained;

/* u of each spectral tensor from some(4, ...), one after another; v follows from it. */
static void start_spectral(Trained *t) {
  uint32_t at = 0;
  for (int i = 0; i < t->net->n_tensors; i++) {
    const Tensor *tensor = net_tensor(t->net, i, NULL, NULL);
    for (int r = 0; tensor->spectral_axis >= 0 && r < tensor->dims[tensor->spectral_axis]; r++)
      t->s[t->net->spectral_offset[i] + (size_t)r] = some(4, at++);
  }
}

static void trained_new(Trained *t, char *text) {
  char *rest, *encoder = strtok_r(text, "|", &rest), *decoder = strtok_r(NULL, "|", &rest);
  Shape input = shape_of(rest);
  NetSpec spec = net_parse(encoder, decoder);
  if (net_new(&t->net, &spec, input)) fail_msg("%s", err_message());
  t->p = t->net->n_params, t->dim = shape_size(input);
  t->w = some_floats(1, t->p);
  for (size_t i = 0; i < t->p; i++) t->w[i] *= 0.5f;
  t->s = MEM_NEW(float, "test", t->net->n_spectral);
  start_spectral(t);
  t->dw = MEM_NEW(float, "test", t->p);
  t->m = MEM_NEW(float, "test", t->p);
  t->v = MEM_NEW(float, "test", t->p);
  t->x = samples(2, t->dim, L);
  for (long i = 0; i < t->dim * L; i++) t->x[i] = 0.5f + 0.5f * t->x[i];
  t->y = MEM_NEW(float, "test", t->dim *L);
  t->weights = weights_new(t->net);
  t->work = work_new(t->net, 1);
}

static void trained_free(Trained *t) {
  float **all[] = {&t->w, &t->s, &t->dw, &t->m, &t->v, &t->x, &t->y};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) mem_free(all[i]);
  weights_free(&t->weights);
  work_free(&t->work);
  net_free(&t->net);
}

/* One step on the mean of (y - x)^2; returns it. */
static float train(Trained *t, int step) {
  net_spectral_step(t->net, t->s, t->w, 1);
  weights_make(&t->weights, t->net, t->w, t->s);
  net_forward(t->net, &t->weights, t->work, 0, 0, t->net->n_nodes, KEEP_ALL, t->y, t->x);
  double sum = 0, all = (double)t->dim * L;
  for (long i = 0; i < t->dim * L; i++) {
    double r = (double)t->y[i] - t->x[i];
    sum += r * r;
    t->y[i] = (float)(2 * r / all);
  }
  memset(t->dw, 0, t->p * sizeof *t->dw);
  net_gradient(t->net, &t->weights, t->work, 1, 0, t->net->n_nodes, t->dw, NULL, &t->y);
  net_spectral_gradient(t->net, t->dw, t->w, t->s);
  rows()->adam(t->w, t->m, t->v, t->dw, (long)t->p, 1e-2, 0.9, 0.999, 1 - pow(0.9, step),
               1 - pow(0.999, step), 1e-3, 0);
  return (float)(sum / all);
}

static void training_agrees(void **state) {
  rewind_to("net ");
  Trained t;
  trained_new(&t, line + 4);
  float loss = train(&t, 1);
  compare("step 1", "loss", &loss, 1, 1, 1);
  compare("step 1", "gradient", t.dw, t.p, 1, 1);
  loss = train(&t, 2);
  compare("step 2", "loss", &loss, 1, 1, 1);
  compare("step 2", "weights", t.w, t.p, 1, 1);
  trained_free(&t);
}

int main(int argc, char **argv) {
  values = fopen(argc > 1 ? argv[1] : "pytorch_values.txt", "r");
  CHECK(values, "cannot open pytorch_values.txt");
  const struct CMUnitTest tests[] = {cmocka_unit_test(layers_agree),
                                     cmocka_unit_test(training_agrees)};
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  fclose(values);
  return failed;
}
