/* Every layer of every ISA gives the bits of the plain C build: outputs, what is kept, gradients,
 * with and without a Finish, and writes nothing beside its arrays. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "nets.h"

enum { TILES = 3, GUARD = 64 };

/* %d: small random numbers, each at least 1. */
static const char *const layers[] = {
    "dense %d%d",
    "dense %d bias=0",
    "conv2d %d kernel=3 padding=1",
    "conv2d %d kernel=3",
    "conv2d 1%d kernel=3 padding=1",
    "conv2d 8 kernel=3 padding=2",
    "conv2d %d kernel=%d padding=1 bias=0",
    "conv2d %d kernel=%d stride=2 padding=2",
    "conv2d %d kernel=1",
    "conv_transpose2d %d kernel=3",
    "conv_transpose2d 1%d kernel=3 padding=1",
    "conv_transpose2d %d kernel=%d stride=2 output_padding=1",
    "conv_transpose2d %d kernel=3 stride=3",
    "max_pool2d 2",
    "max_pool2d %d",
    "max_pool2d 3 stride=%d",
    "avg_pool2d 2",
    "avg_pool2d %d stride=%d",
    "upsample %d",
    "upsample 2 mode=1",
    "upsample %d mode=1",
    "upsample %d mode=1 align_corners=1",
    "relu",
    "leaky_relu 0.2",
    "prelu",
    "elu 0.7",
    "sigmoid",
    "tanh",
    "softplus",
    "sphere",
    "conv1d %d kernel=%d stride=2 padding=2",
    "conv1d %d kernel=3",
    "conv_transpose1d %d kernel=%d stride=2 output_padding=1",
    "edge_conv %d neighbours=%d",
    "edge_conv 1%d neighbours=8 coordinates=1",
    "edge_conv 2%d neighbours=16 pooling=1",
    "edge_conv 17 neighbours=%d slope=0",
    "pool_points",
    "pool_points 1",
    "pool_points 2 weighted=1",
    "gru %d",
    "gru 1%d returns=1 masked=1",
    "lstm %d reverse=1",
    "lstm 1%d returns=1",
    "repeat %d",
};

static int small(uint32_t i) { return 1 + (int)((some(99, i) + 1) * 2.5); }

/* An array that nobody may write beside: bytes of 0xFF (as floats: NaN) with a guard on both
 * ends. */
typedef struct Guarded {
  uint8_t *all, *data;
  size_t bytes;
} Guarded;

static Guarded guarded(size_t bytes) {
  Guarded g = {.all = MEM_NEW(uint8_t, "test", bytes + 2 * GUARD), .bytes = bytes};
  memset(g.all, 0xff, bytes + 2 * GUARD);
  g.data = g.all + GUARD;
  return g;
}

static Guarded guarded_copy(const void *data, size_t bytes) {
  Guarded g = guarded(bytes);
  memcpy(g.data, data, bytes);
  return g;
}

static void assert_unhurt(const Guarded *g) {
  for (size_t i = 0; i < GUARD; i++) {
    assert_int_equal(g->all[i], 0xff);
    assert_int_equal(g->data[g->bytes + i], 0xff);
  }
}

enum {
  PACKED,
  KEPT,
  Y,
  Y_BARE,
  Y_LEAK,
  SIGN,
  DX,
  DX_MASK,
  DW,
  BEND,
  Y_DUAL,
  YT,
  KEPT_DUAL,
  KEPT_T,
  DX_DUAL,
  DXT,
  DW_DUAL,
  OUTPUTS
};
static const char *const names[] = {"packed",      "kept",
                                    "y",           "y (nothing kept)",
                                    "y (leak)",    "signs",
                                    "dx",          "dx (mask)",
                                    "dw",          "bend",
                                    "y (dual)",    "yt",
                                    "kept (dual)", "tangents of kept",
                                    "dx (dual)",   "dxt",
                                    "dw (dual)"};

typedef struct Outputs {
  Guarded of[OUTPUTS];
} Outputs;

static size_t bytes_of(size_t (*size)(const Node *), const Node *node, size_t unit) {
  return size ? size(node) * unit : 0;
}

static Outputs outputs_new(const Node *node) {
  size_t n = (size_t)shape_size(node->in), m = (size_t)shape_size(node->out);
  size_t forward = node->op->forward_dual ? 4 : 0, backward = node->op->backward_dual ? 4 : 0;
  size_t kept = bytes_of(node->op->kept_size, node, 1);
  float *dw = some_floats(7, node_params(node));
  Outputs out = {.of = {[PACKED] = guarded(bytes_of(node->op->packed_size, node, 4)),
                        [KEPT] = guarded(kept),
                        [Y] = guarded(m * L * 4),
                        [Y_BARE] = guarded(m * L * 4),
                        [Y_LEAK] = guarded(m * L * 4),
                        [SIGN] = guarded(m * 2),
                        [DX] = guarded(n * L * 4),
                        [DX_MASK] = guarded(n * L * 4),
                        [DW] = guarded_copy(dw, node_params(node) * 4),
                        [BEND] = guarded(node->op->bend ? n * L * 4 : 0),
                        [Y_DUAL] = guarded(m * L * forward),
                        [YT] = guarded(m * L * forward),
                        [KEPT_DUAL] = guarded(forward ? kept : 0),
                        [KEPT_T] = guarded(forward ? kept : 0),
                        [DX_DUAL] = guarded(n * L * backward),
                        [DXT] = guarded(n * L * backward),
                        [DW_DUAL] = guarded_copy(dw, node_params(node) * backward)}};
  mem_free(&dw);
  return out;
}

static float *floats(const Guarded *g) { return (float *)g->data; }

/* Points apart from the first come twice; every lane has its own number of them. */
static float *inputs(const Node *node, uint32_t stream) {
  Shape in = node->in;
  float *x = some_floats(stream, (size_t)shape_size(in) * L);
  if (!node->op->points || !(node->op->points(node) & POINTS_READ)) return x;
  for (long i = 0; i < shape_size(in) * L; i++) {
    int t = (int)(i / L) % in.w, l = (int)(i % L);
    if (t >= l * 5 % (in.w + 1))
      x[i] = 0;
    else if (t > 1 && t % 2 == 0)
      x[i] = x[i - L];
  }
  return x;
}

static void run_gradient(const Node *node, Outputs *out, const float *w) {
  const Layer *op = node->op;
  float *x[TILES], *dy[TILES], *packed = floats(&out->of[PACKED]);
  void *kept[TILES];
  for (int t = 0; t < TILES; t++) {
    x[t] = inputs(node, 10 + (uint32_t)t);
    dy[t] = some_floats(20 + (uint32_t)t, (size_t)shape_size(node->out) * L);
    kept[t] = mem_new("test", bytes_of(op->kept_size, node, 1), 1);
    if (op->gradient_backward)
      op->forward(node, floats(&out->of[Y]), kept[t], x[t], w, packed, (Finish){0});
  }
  if (op->gradient_backward)
    op->gradient_backward(node, floats(&out->of[DW]), x, (const float *const *)x,
                          (const float *const *)dy, kept, TILES, w, packed);
  else
    op->gradient(node, floats(&out->of[DW]), (const float *const *)x, (const float *const *)dy,
                 TILES, w);
  for (int t = 0; t < TILES; t++) {
    mem_free(&x[t]);
    mem_free(&dy[t]);
    mem_free(&kept[t]);
  }
}

static void run_finished(const Node *node, Outputs *out, const float *x, const float *dy,
                         const float *w) {
  size_t n = (size_t)shape_size(node->in);
  uint16_t *sign = MEM_NEW(uint16_t, "test", n);
  for (size_t i = 0; i < n; i++) sign[i] = (uint16_t)(int)(some(5, (uint32_t)i) * 65536);
  float *packed = floats(&out->of[PACKED]);
  node->op->forward(node, floats(&out->of[Y_LEAK]), NULL, x, w, packed,
                    (Finish){FINISH_LEAK, 0.3f, (uint16_t *)out->of[SIGN].data});
  node->op->backward(node, floats(&out->of[DX_MASK]), dy, out->of[KEPT].data, w, packed,
                     (Finish){FINISH_MASK, 0.3f, sign});
  mem_free(&sign);
}

/* The values of forward_dual are those of forward. */
static void run_dual(const Node *node, Outputs *out, const float *x, const float *dy,
                     const float *w) {
  float *packed = floats(&out->of[PACKED]);
  void *kept = out->of[KEPT_DUAL].data, *kept_t = out->of[KEPT_T].data;
  float *xt = some_floats(8, (size_t)shape_size(node->in) * L);
  float *dyt = some_floats(9, (size_t)shape_size(node->out) * L);
  node->op->forward_dual(node, floats(&out->of[Y_DUAL]), floats(&out->of[YT]), kept, kept_t, x,
                         xt, w, packed);
  assert_memory_equal(out->of[Y_DUAL].data, out->of[Y].data, out->of[Y].bytes);
  assert_memory_equal(kept, out->of[KEPT].data, out->of[KEPT].bytes);
  if (node->op->backward_dual) {
    node->op->backward_dual(node, floats(&out->of[DW_DUAL]), floats(&out->of[DX_DUAL]),
                            floats(&out->of[DXT]), dy, dyt, kept, kept_t, w, packed);
    assert_memory_equal(out->of[DX_DUAL].data, out->of[DX].data, out->of[DX].bytes);
  }
  mem_free(&xt);
  mem_free(&dyt);
}

static Outputs run(const char *layer, Shape in) {
  Node node = node_make(layer, in);
  const Layer *op = node.op;
  Outputs out = outputs_new(&node);
  float *w = some_floats(1, node_params(&node));
  float *x = inputs(&node, 2);
  float *dy = some_floats(3, (size_t)shape_size(node.out) * L);
  float *packed = floats(&out.of[PACKED]);
  if (op->pack) op->pack(&node, packed, w);
  op->forward(&node, floats(&out.of[Y]), out.of[KEPT].data, x, w, packed, (Finish){0});
  op->forward(&node, floats(&out.of[Y_BARE]), NULL, x, w, packed, (Finish){0});
  op->backward(&node, floats(&out.of[DX]), dy, out.of[KEPT].data, w, packed, (Finish){0});
  if (op->forward_dual) run_dual(&node, &out, x, dy, w);
  if (op->bend) {
    memcpy(out.of[BEND].data, x, out.of[BEND].bytes);
    op->bend(&node, floats(&out.of[BEND]), dy, dy, out.of[KEPT].data);
  }
  if (op->takes_finish) run_finished(&node, &out, x, dy, w);
  if (op->gradient || op->gradient_backward) run_gradient(&node, &out, w);
  mem_free(&w);
  mem_free(&x);
  mem_free(&dy);
  return out;
}

/* y with LEAK is y, then leaked; dx with MASK has the bits of dx where the mask is 1. */
static void assert_finish(const Node *node, const Outputs *out, const char *layer) {
  const float *y = floats(&out->of[Y]), *leak = floats(&out->of[Y_LEAK]);
  const uint16_t *sign = (const uint16_t *)out->of[SIGN].data;
  for (long i = 0; node->op->takes_finish && i < shape_size(node->out) * L; i++) {
    float want = y[i] > 0 ? y[i] : y[i] * 0.3f;
    if (leak[i] != want || (sign[i / L] >> i % L & 1) != (y[i] > 0))
      fail_msg("%s: leak of y[%ld]: found %g, want %g", layer, i, leak[i], want);
  }
  const float *dx = floats(&out->of[DX]), *masked = floats(&out->of[DX_MASK]);
  for (long i = 0; node->op->takes_finish && i < shape_size(node->in) * L; i++) {
    uint16_t bits = (uint16_t)(int)(some(5, (uint32_t)(i / L)) * 65536);
    float want = bits >> i % L & 1 ? dx[i] : dx[i] * 0.3f;
    if (masked[i] != want)
      fail_msg("%s: mask of dx[%ld]: found %g, want %g", layer, i, masked[i], want);
  }
}

static void assert_finite(const Node *node, const Outputs *out, const char *layer) {
  const int arrays[] = {Y, DX, DW, BEND, YT, DXT, DW_DUAL};
  for (size_t k = 0; k < sizeof arrays / sizeof *arrays; k++)
    for (size_t i = 0; i < out->of[arrays[k]].bytes / 4; i++)
      if (!isfinite(floats(&out->of[arrays[k]])[i]))
        fail_msg("%s: %s[%zu] was not written", layer, names[arrays[k]], i);
}

static void free_outputs(Outputs *out) {
  for (int k = 0; k < OUTPUTS; k++) {
    assert_unhurt(&out->of[k]);
    mem_free(&out->of[k].all);
  }
}

static void compare(const char *layer, Shape in) {
  isa_set(ISA_C);
  Outputs plain = run(layer, in);
  Node node = node_make(layer, in);
  assert_finite(&node, &plain, layer);
  assert_finish(&node, &plain, layer);
  for (int isa = ISA_C + 1; isa < ISA_COUNT; isa++) {
    if (!isa_supported((Isa)isa)) continue;
    isa_set((Isa)isa);
    Outputs out = run(layer, in);
    for (int k = KEPT; k < OUTPUTS; k++)
      if (memcmp(out.of[k].data, plain.of[k].data, plain.of[k].bytes))
        fail_msg("%s on %d x %d x %d: %s differs between %s and c", layer, in.c, in.h, in.w,
                 names[k], isa_name((Isa)isa));
    free_outputs(&out);
  }
  free_outputs(&plain);
}

static void all_isas_agree(void **state) {
  char layer[128];
  for (uint32_t i = 0; i < 8 * sizeof layers / sizeof layers[0]; i++) {
    const char *format = layers[i % (sizeof layers / sizeof layers[0])];
    snprintf(layer, sizeof layer, format, small(10 * i), small(10 * i + 1));
    int c = i % 3 ? small(10 * i + 2) : 7 + small(10 * i + 2);
    bool sequence = strstr(layer, "gru") || strstr(layer, "lstm") || strstr(layer, "1d") ||
                    strstr(layer, "edge") || strstr(layer, "points");
    if (strstr(layer, "edge")) c += 2;
    int rows = sequence ? 1 : 4 + small(10 * i + 3) * 2;
    compare(layer, (Shape){c, rows, 4 + 3 * small(10 * i + 4)});
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(all_isas_agree)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
