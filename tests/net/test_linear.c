/* The layers with matrices: dense, conv2d, conv_transpose2d. Forward and both gradients against
 * the definition in double; every ISA against the plain build, bit for bit; a fused activation
 * against one done afterwards; nothing written outside the outputs, nothing in them left
 * unwritten. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/layer.h"
#include "num/isa.h"
#include "num/rng.h"

enum { TILES = 5, GUARD = 64, SEED = 20 };
static const float SLOPE = 0.3f;

/* --- cases --- */

typedef struct Case {
  const char *layer;
  Shape in;
  int outs, kernel, stride, padding, output_padding, bias, tiles;
} Case;

/* The reference networks' kinds, and shapes that have an edge of their own. */
static const Case fixed[] = {
    {"dense", {20, 1, 1}, 41, 0, 0, 0, 0, 1, 1},
    {"dense", {2, 7, 7}, 3, 0, 0, 0, 0, 1, 5},
    {"dense", {100, 1, 1}, 20, 0, 0, 0, 0, 0, 3},
    {"conv2d", {8, 12, 12}, 8, 3, 1, 1, 0, 1, 2}, /* Winograd, in place */
    {"conv2d", {8, 13, 9}, 8, 3, 1, 0, 0, 1, 1},  /* ... surplus outputs dropped */
    {"conv2d", {8, 5, 6}, 8, 3, 1, 2, 0, 1, 1},   /* ... padding 2: 0 coming back */
    {"conv2d", {8, 8, 8}, 8, 3, 1, 3, 0, 1, 1},   /* ... padding 3: -1 coming back */
    {"conv2d", {9, 4, 4}, 20, 3, 1, 0, 0, 1, 1},  /* direct forward, Winograd back */
    {"conv2d", {8, 26, 10}, 17, 3, 1, 1, 0, 1, 1},
    {"conv2d", {66, 5, 4}, 72, 3, 1, 1, 0, 1, 1},   /* ... in two portions of channels, two groups
                                                   */
    {"conv2d", {16, 10, 11}, 17, 3, 1, 0, 0, 1, 1}, /* back as the transpose of Winograd */
    {"conv2d", {66, 6, 9}, 34, 3, 1, 0, 0, 1, 1},   /* ... two groups, two portions */
    {"conv_transpose2d", {17, 8, 7}, 19, 3, 1, 0, 0, 1, 1}, /* ... forward, with bias */
    {"conv2d", {1, 11, 40}, 8, 3, 1, 1, 0, 1, 2},
    {"conv2d", {8, 11, 40}, 1, 3, 1, 1, 0, 1, 1},
    {"conv2d", {6, 4, 4}, 37, 4, 1, 0, 0, 1, 3}, /* the window is the image: a product */
    {"conv2d", {5, 9, 8}, 6, 1, 3, 0, 0, 1, 1},  /* stride larger than the kernel */
    {"conv_transpose2d", {1, 10, 10}, 8, 3, 1, 1, 0, 1, 2},
    {"conv_transpose2d", {8, 10, 10}, 8, 3, 1, 1, 0, 1, 1},
    {"conv_transpose2d", {8, 6, 7}, 9, 3, 1, 0, 0, 1, 1},
    {"conv_transpose2d", {7, 1, 1}, 5, 4, 1, 0, 0, 1, 2},
    {"conv_transpose2d", {4, 5, 6}, 3, 2, 3, 0, 2, 1, 1}, /* pixels that no tap reaches */
    {"conv_transpose2d", {3, 5, 6}, 5, 3, 2, 1, 1, 0, 4},
};
enum { FIXED = sizeof fixed / sizeof fixed[0], RANDOM = 40 };

static int draw(int i, uint32_t what, int low, int high) {
  double u = rng_uniform(rng_key(SEED, RNG_TOY), (uint64_t)i, what, 0);
  return low + (int)(u * (high - low + 1));
}

/* Random case i; false when the layer refuses its shape. */
static Case random_case(int i) {
  static const char *const name[] = {"dense", "conv2d", "conv_transpose2d", "conv2d"};
  Case c = {.layer = name[i % 4], .tiles = draw(i, 0, 1, TILES)};
  c.in = (Shape){draw(i, 1, 1, 20), draw(i, 2, 1, 14), draw(i, 3, 1, 14)};
  c.outs = draw(i, 4, 1, 20), c.kernel = draw(i, 5, 1, 5), c.stride = draw(i, 6, 1, 3);
  c.padding = draw(i, 7, 0, 3), c.output_padding = draw(i, 8, 0, c.stride - 1);
  c.bias = draw(i, 9, 0, 1);
  return c;
}

static void set_attr(Node *node, const char *name, int value) {
  int i = layer_attr(node->op, name);
  if (i >= 0) node->attr[i] = value;
}

static Err make_node(Node *node, const Case *c) {
  *node = (Node){.op = layer_find(c->layer), .in = c->in};
  assert_non_null(node->op);
  layer_defaults(node->op, node->attr);
  set_attr(node, "features", c->outs), set_attr(node, "channels", c->outs);
  set_attr(node, "kernel", c->kernel), set_attr(node, "stride", c->stride);
  set_attr(node, "padding", c->padding), set_attr(node, "output_padding", c->output_padding);
  set_attr(node, "bias", c->bias);
  return node->op->shape(node);
}

/* --- arrays between guards, aligned or one float off --- */

typedef struct Guarded {
  float *p, *base;
  size_t n;
} Guarded;

static Guarded guarded(size_t n, int offset) {
  size_t all = (n + 2 * GUARD + 16) / 16 * 16;
  Guarded g = {.n = n, .base = aligned_alloc(64, all * sizeof(float))};
  for (size_t i = 0; i < all; i++) g.base[i] = NAN;
  g.p = g.base + GUARD / 2 + offset;
  for (int i = 0; i < GUARD / 2; i++) g.p[-1 - i] = g.p[n + (size_t)i] = 12345;
  return g;
}

static void check_guards(Guarded g) {
  for (int i = 0; i < GUARD / 2; i++) {
    assert_true(g.p[-1 - i] == 12345);
    assert_true(g.p[g.n + (size_t)i] == 12345);
  }
}

static void check_written(Guarded g) {
  check_guards(g);
  for (size_t i = 0; i < g.n; i++) assert_true(isfinite(g.p[i]));
}

static void fill(Guarded g, int id) {
  for (size_t i = 0; i < g.n; i++)
    g.p[i] = (float)(2 * rng_uniform(rng_key(SEED, RNG_INIT), i, (uint32_t)id, 0) - 1);
}

/* --- one run of everything --- */

typedef struct Run {
  Node node;
  Guarded w, packed, x[TILES], dy[TILES]; /* in */
  Guarded y, leak, dx, masked, dw;        /* out */
  uint16_t *sign, *sign_in;               /* (out sites), written; (in sites), read */
} Run;

static Run run_new(const Case *c) {
  Run r = {0};
  assert_int_equal(make_node(&r.node, c), OK);
  size_t n = 0, in = (size_t)shape_size(r.node.in) * L, out = (size_t)shape_size(r.node.out) * L;
  for (int i = 0; i < r.node.n_tensors; i++) n += r.node.tensor[i].size;
  r.w = guarded(n, 1), r.dw = guarded(n, 3);
  r.packed = guarded(r.node.op->packed_size(&r.node), 0);
  r.y = guarded(out, 0), r.leak = guarded(out, 0), r.dx = guarded(in, 0),
  r.masked = guarded(in, 0);
  fill(r.w, 1), memset(r.dw.p, 0, n * sizeof(float));
  for (int t = 0; t < c->tiles; t++) {
    r.x[t] = guarded(in, 0), r.dy[t] = guarded(out, 0);
    fill(r.x[t], 2 + t), fill(r.dy[t], 12 + t);
  }
  r.sign = calloc(out / L, sizeof *r.sign), r.sign_in = calloc(in / L, sizeof *r.sign_in);
  for (size_t i = 0; i < in / L; i++) r.sign_in[i] = (uint16_t)draw((int)i, 20, 0, 65535);
  return r;
}

static void run_free(Run *r, int tiles) {
  Guarded out[] = {r->y, r->leak, r->dx, r->masked, r->dw};
  for (int i = 0; i < 5; i++) check_written(out[i]), free(out[i].base);
  for (int t = 0; t < tiles; t++) free(r->x[t].base), free(r->dy[t].base);
  check_guards(r->packed), free(r->packed.base), free(r->w.base);
  free(r->sign), free(r->sign_in);
}

static Run run(const Case *c) {
  Run r = run_new(c);
  const Layer *op = r.node.op;
  const float *x[TILES], *dy[TILES];
  for (int t = 0; t < c->tiles; t++) x[t] = r.x[t].p, dy[t] = r.dy[t].p;
  op->pack(&r.node, r.packed.p, r.w.p);
  Finish none = {FINISH_NONE, 0, NULL}, leak = {FINISH_LEAK, SLOPE, r.sign};
  Finish masked = {FINISH_MASK, SLOPE, r.sign_in};
  op->forward(&r.node, r.y.p, NULL, x[0], r.w.p, r.packed.p, none);
  op->forward(&r.node, r.leak.p, NULL, x[0], r.w.p, r.packed.p, leak);
  op->backward(&r.node, r.dx.p, dy[0], NULL, r.w.p, r.packed.p, none);
  op->backward(&r.node, r.masked.p, dy[0], NULL, r.w.p, r.packed.p, masked);
  op->gradient(&r.node, r.dw.p, x, dy, c->tiles, r.w.p);
  return r;
}

/* --- the definitions, in double: term(out site, in site, weight) for every product --- */

typedef struct Sums {
  double *y, *dx, *dw; /* (out, L), (in, L), (P) */
} Sums;

static void term(const Run *r, Sums *s, int tiles, long o, long i, long w) {
  for (int l = 0; l < L; l++) {
    s->y[o * L + l] += (double)r->w.p[w] * r->x[0].p[i * L + l];
    s->dx[i * L + l] += (double)r->w.p[w] * r->dy[0].p[o * L + l];
    for (int t = 0; t < tiles; t++)
      s->dw[w] += (double)r->dy[t].p[o * L + l] * r->x[t].p[i * L + l];
  }
}

static long at(Shape s, int c, int i, int j) { return ((long)c * s.h + i) * s.w + j; }

/* Every pixel of the coarse array against every pixel of its window in the fine one. */
static void conv_terms(const Run *r, Sums *sums, const Case *c, bool transposed) {
  Shape fine = transposed ? r->node.out : r->node.in;
  Shape coarse = transposed ? r->node.in : r->node.out;
  int k = c->kernel;
  for (int o = 0; o < coarse.c; o++)
    for (int f = 0; f < fine.c; f++)
      for (int p = 0; p < coarse.h * coarse.w * k * k; p++) {
        int s = p % k, q = p / k % k, b = p / k / k % coarse.w, a = p / k / k / coarse.w;
        int i = a * c->stride - c->padding + q, j = b * c->stride - c->padding + s;
        if (i < 0 || i >= fine.h || j < 0 || j >= fine.w) continue;
        long w = ((long)(o * fine.c + f) * k + q) * k + s;
        if (transposed)
          term(r, sums, c->tiles, at(fine, f, i, j), at(coarse, o, a, b), w);
        else
          term(r, sums, c->tiles, at(coarse, o, a, b), at(fine, f, i, j), w);
      }
}

static void bias_terms(const Run *r, Sums *s, int tiles) {
  long plane = (long)r->node.out.h * r->node.out.w, bias = (long)r->node.tensor[0].size;
  for (long o = 0; o < shape_size(r->node.out); o++)
    for (int l = 0; l < L; l++) {
      s->y[o * L + l] += r->w.p[bias + o / plane];
      for (int t = 0; t < tiles; t++) s->dw[bias + o / plane] += r->dy[t].p[o * L + l];
    }
}

static void check_close(const char *what, Guarded got, const double *want) {
  double scale = 1e-30, worst = 0;
  for (size_t i = 0; i < got.n; i++) {
    scale = fmax(scale, fabs(want[i]));
    worst = fmax(worst, fabs(got.p[i] - want[i]));
  }
  if (worst > 4e-6 * scale) print_error("%s: off by %g of %g\n", what, worst, scale);
  assert_true(worst <= 4e-6 * scale);
}

static void check_values(const Case *c) {
  Run r = run(c);
  Sums s = {calloc(r.y.n, sizeof(double)), calloc(r.dx.n, sizeof(double)),
            calloc(r.dw.n, sizeof(double))};
  long ins = shape_size(r.node.in);
  if (!strcmp(c->layer, "dense"))
    for (long w = 0; w < ins * c->outs; w++) term(&r, &s, c->tiles, w / ins, w % ins, w);
  else
    conv_terms(&r, &s, c, !strcmp(c->layer, "conv_transpose2d"));
  if (c->bias) bias_terms(&r, &s, c->tiles);
  check_close("y", r.y, s.y), check_close("dx", r.dx, s.dx), check_close("dw", r.dw, s.dw);
  free(s.y), free(s.dx), free(s.dw);
  run_free(&r, c->tiles);
}

/* --- the same bits --- */

static void same(const char *what, Guarded a, Guarded b) {
  if (memcmp(a.p, b.p, a.n * sizeof(float))) print_error("%s differs\n", what);
  assert_memory_equal(a.p, b.p, a.n * sizeof(float));
}

static void check_isa(const Case *c) {
  isa_set(ISA_C);
  Run plain = run(c);
  for (Isa isa = ISA_AVX2; isa < ISA_COUNT; isa++) {
    if (!isa_supported(isa)) continue;
    isa_set(isa);
    Run r = run(c);
    same("y", r.y, plain.y), same("leak", r.leak, plain.leak), same("dx", r.dx, plain.dx);
    same("masked", r.masked, plain.masked), same("dw", r.dw, plain.dw);
    assert_memory_equal(r.sign, plain.sign, r.y.n / L * sizeof *r.sign);
    run_free(&r, c->tiles);
  }
  run_free(&plain, c->tiles);
}

static void check_finish(const Case *c) {
  Run r = run(c);
  for (size_t i = 0; i < r.y.n; i++) {
    int above = r.y.p[i] > 0;
    assert_true(r.leak.p[i] == (above ? r.y.p[i] : r.y.p[i] * SLOPE));
    assert_int_equal(r.sign[i / L] >> i % L & 1, above);
  }
  for (size_t i = 0; i < r.dx.n; i++)
    assert_true(r.masked.p[i] == (r.sign_in[i / L] >> i % L & 1 ? r.dx.p[i] : r.dx.p[i] * SLOPE));
  run_free(&r, c->tiles);
}

static void all_cases(void (*check)(const Case *)) {
  for (int i = 0; i < FIXED + RANDOM; i++) {
    Case c = i < FIXED ? fixed[i] : random_case(i);
    Node node;
    if (make_node(&node, &c) != OK) continue;
    check(&c);
  }
}

static void test_values(void **state) {
  (void)state;
  isa_set(isa_best());
  all_cases(check_values);
}

static void test_isas(void **state) {
  (void)state;
  all_cases(check_isa);
}

static void test_finish(void **state) {
  (void)state;
  isa_set(isa_best());
  all_cases(check_finish);
}

/* --- shapes and initial bounds as PyTorch's documentation gives them --- */

static void test_shapes(void **state) {
  (void)state;
  Node node;
  Case conv = {"conv2d", {3, 28, 27}, 5, 4, 3, 2, 0, 1, 1};
  assert_int_equal(make_node(&node, &conv), OK);
  assert_true(shape_equal(node.out, (Shape){5, 10, 10}));
  assert_true(node.tensor[0].bound == 1 / sqrt(3 * 4 * 4) && node.tensor[0].spectral_axis == -1);
  Case turned = {"conv_transpose2d", {3, 7, 5}, 5, 4, 3, 2, 1, 1, 1};
  assert_int_equal(make_node(&node, &turned), OK);
  assert_true(shape_equal(node.out, (Shape){5, 19, 13}));
  assert_true(node.tensor[1].bound == 1 / sqrt(5 * 4 * 4));
  set_attr(&node, "spectral", 1), node.n_tensors = 0;
  assert_int_equal(node.op->shape(&node), OK);
  assert_int_equal(node.tensor[0].spectral_axis, 1);
}

static void test_refused(void **state) {
  (void)state;
  Node node;
  Case large = {"conv2d", {1, 4, 9}, 1, 7, 1, 1, 0, 1, 1};
  assert_int_equal(make_node(&node, &large), ERR_USER);
  assert_string_equal(err_message(),
                      "kernel 7 does not fit the 4 x 9 image with padding 1; use a "
                      "smaller kernel or more padding");
  Case more = {"conv_transpose2d", {1, 4, 9}, 1, 3, 2, 1, 2, 1, 1};
  assert_int_equal(make_node(&node, &more), ERR_USER);
  assert_string_equal(err_message(), "output_padding 2: want less than the stride, 2");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_values),  cmocka_unit_test(test_isas),
      cmocka_unit_test(test_finish),  cmocka_unit_test(test_shapes),
      cmocka_unit_test(test_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
