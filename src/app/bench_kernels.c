/* Every linear layer of the reference networks on its own, one tile at a time: forward, gradient
 * to the input, gradient to the weights. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "app/bench.h"
#include "base/mem.h"

enum { SECONDS_PER_CASE_MS = 100 };

typedef struct Case {
  const char *name, *layer;
  Shape in;
  int outs, kernel, padding, stride;
  int tiles; /* of the leaf that the weight gradient sees */
} Case;

/* clang-format off */
static const Case cases[] = {
    {"conv3x3.1-8.40x40", "conv2d", {1, 40, 40}, 8, 3, 1, 1, 1},
    {"conv3x3.8-8.40x40", "conv2d", {8, 40, 40}, 8, 3, 1, 1, 1},
    {"conv3x3.8-8.20x20", "conv2d", {8, 20, 20}, 8, 3, 1, 1, 1},
    {"conv3x3.8-1.20x20", "conv2d", {8, 20, 20}, 1, 3, 1, 1, 1},
    {"dense.400-100", "dense", {400, 1, 1}, 100, 0, 0, 0, 4},
    {"dense.100-400", "dense", {100, 1, 1}, 400, 0, 0, 0, 4},
    {"convT3x3.1-8.20x20", "conv_transpose2d", {1, 20, 20}, 8, 3, 1, 1, 1},
    {"convT3x3.8-8.40x40", "conv_transpose2d", {8, 40, 40}, 8, 3, 1, 1, 1},
    {"convT3x3.8-1.40x40", "conv_transpose2d", {8, 40, 40}, 1, 3, 1, 1, 1},
    {"conv3x3.1-32.28x28", "conv2d", {1, 28, 28}, 32, 3, 0, 1, 1},
    {"conv3x3.32-64.26x26", "conv2d", {32, 26, 26}, 64, 3, 0, 1, 1},
    {"conv3x3.64-64.12x12", "conv2d", {64, 12, 12}, 64, 3, 0, 1, 1}, /* no whole patches */
    {"conv3x3.64-64.same.12x12", "conv2d", {64, 12, 12}, 64, 3, 1, 1, 1},
    {"conv3x3.64-128.10x10", "conv2d", {64, 10, 10}, 128, 3, 0, 1, 1},
    {"conv4x4.128-1024.4x4", "conv2d", {128, 4, 4}, 1024, 4, 0, 1, 4},
    {"conv1x1.1024-32.1x1", "conv2d", {1024, 1, 1}, 32, 1, 0, 1, 4},
    {"convT3x3.64-32.24x24", "conv_transpose2d", {64, 24, 24}, 32, 3, 0, 1, 1},
    {"convT3x3.32-1.26x26", "conv_transpose2d", {32, 26, 26}, 1, 3, 0, 1, 1},
    {"conv3x3.stride2.16-32.20x20", "conv2d", {16, 20, 20}, 32, 3, 1, 2, 1},
    {"conv5x5.16-16.20x20", "conv2d", {16, 20, 20}, 16, 5, 2, 1, 1},
    {"dense.1600-400", "dense", {1600, 1, 1}, 400, 0, 0, 0, 8},
    {"dense.512-512", "dense", {512, 1, 1}, 512, 0, 0, 0, 8},
};
/* clang-format on */

/* A layer with its arrays; the leaf's tiles are all the same one, which no layer notices. */
typedef struct Rig {
  Node node;
  int tiles;
  float *w, *dw, *packed, *x, *y, *dx, *dy;
  const float **x_tiles, **dy_tiles;
} Rig;

static void set(Node *node, const char *name, int value) {
  int i = layer_attr(node->op, name);
  if (i >= 0) node->attr[i] = value;
}

static float *wave(size_t n, double step) {
  float *x = MEM_NEW(float, "bench", n);
  for (size_t i = 0; i < n; i++) x[i] = (float)(fmod(step * (double)(i + 1), 2) - 1);
  return x;
}

static const float **repeat(const float *x, int tiles) {
  const float **p = mem_new("bench", (size_t)tiles, sizeof *p);
  for (int t = 0; t < tiles; t++) p[t] = x;
  return p;
}

static Rig rig_new(const Case *c) {
  Rig r = {.node = {.op = layer_find(c->layer), .in = c->in}, .tiles = c->tiles};
  size_t n = 0;
  layer_defaults(r.node.op, r.node.attr);
  set(&r.node, "features", c->outs), set(&r.node, "channels", c->outs);
  set(&r.node, "kernel", c->kernel), set(&r.node, "padding", c->padding);
  set(&r.node, "stride", c->stride);
  CHECK(!r.node.op->shape(&r.node), "bench: %s", err_message());
  for (int i = 0; i < r.node.n_tensors; i++) n += r.node.tensor[i].size;
  size_t in = (size_t)shape_size(c->in) * L, out = (size_t)shape_size(r.node.out) * L;
  r.w = wave(n, 0.7), r.dw = MEM_NEW(float, "bench", n);
  r.packed = MEM_NEW(float, "bench", r.node.op->packed_size(&r.node));
  r.x = wave(in, 0.3), r.y = wave(out, 1), r.dx = wave(in, 1), r.dy = wave(out, 0.4);
  r.x_tiles = repeat(r.x, c->tiles), r.dy_tiles = repeat(r.dy, c->tiles);
  r.node.op->pack(&r.node, r.packed, r.w);
  return r;
}

static void rig_free(Rig *r) {
  float **all[] = {&r->w, &r->dw, &r->packed, &r->x, &r->y, &r->dx, &r->dy};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) mem_free(all[i]);
  mem_free(&r->x_tiles), mem_free(&r->dy_tiles);
}

static const Finish none = {FINISH_NONE, 0, NULL};

static void forward(void *arg) {
  Rig *r = arg;
  r->node.op->forward(&r->node, r->y, NULL, r->x, r->w, r->packed, none);
}

static void backward(void *arg) {
  Rig *r = arg;
  r->node.op->backward(&r->node, r->dx, r->dy, NULL, r->w, r->packed, none);
}

static void gradient(void *arg) {
  Rig *r = arg;
  r->node.op->gradient(&r->node, r->dw, r->x_tiles, r->dy_tiles, r->tiles, r->w);
}

double bench_layer_flops(const Node *node) {
  const char *name = node->op->name;
  bool sequence = !strcmp(name, "gru") || !strcmp(name, "lstm");
  Shape coarse = sequence || !strncmp(name, "conv_transpose", 14) ? node->in : node->out;
  double weights = 0;
  for (int i = 0; i < node->n_tensors; i++)
    if (node->tensor[i].n_dims > 1) weights += (double)node->tensor[i].size;
  return 2 * weights * coarse.h * coarse.w;
}

typedef struct Part {
  const char *name;
  void (*work)(void *rig);
} Part;
static const Part parts[] = {{"forward", forward}, {"input", backward}, {"weights", gradient}};
enum { PARTS = sizeof parts / sizeof *parts };

static void measure(const Bench *bench, const char *name, Rig *rig, const Part *part) {
  int tiles = part->work == gradient ? rig->tiles : 1;
  double flops = bench_layer_flops(&rig->node) * L * tiles;
  double rate = flops / bench_seconds(part->work, rig, SECONDS_PER_CASE_MS / 1000.0);
  bench_print(bench, name, rate / 1e9, "GFLOP/s", rate);
}

void bench_kernels(const Bench *bench) {
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    Rig rig = {0};
    for (int k = 0; k < PARTS; k++) {
      char name[96];
      snprintf(name, sizeof name, "%s.%s", cases[i].name, parts[k].name);
      if (!bench_wants(bench, name)) continue;
      if (!rig.w) rig = rig_new(&cases[i]);
      measure(bench, name, &rig, &parts[k]);
    }
    rig_free(&rig);
  }
}
