#include "reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double attr(const Node *node, const char *name) {
  int i = layer_attr(node->op, name);
  CHECK(i >= 0, "%s has no attribute %s", node->op->name, name);
  return node->attr[i];
}

static long at(Shape s, long c, long i, long j) { return (c * s.h + i) * s.w + j; }

/* ---- linear layers: weight and bias one after another ---- */

static double bias(const Node *node, const double *w, long weights, long o) {
  return attr(node, "bias") ? w[weights + o] : 0;
}

static void dense(const Node *node, double *y, const double *x, const double *w) {
  long n = shape_size(node->in), m = shape_size(node->out);
  for (long o = 0; o < m; o++) {
    y[o] = bias(node, w, m * n, o);
    for (long i = 0; i < n; i++) y[o] += w[o * n + i] * x[i];
  }
}

/* weight (O, I, K, K) */
static void conv2d(const Node *node, double *y, const double *x, const double *w) {
  Shape in = node->in, out = node->out;
  long k = (long)attr(node, "kernel"), stride = (long)attr(node, "stride");
  long padding = (long)attr(node, "padding");
  for (long s = 0; s < shape_size(out); s++) {
    long o = s / (out.h * out.w), i = s / out.w % out.h, j = s % out.w;
    y[s] = bias(node, w, out.c * in.c * k * k, o);
    for (long t = 0; t < in.c * k * k; t++) {
      long r = i * stride - padding + t / k % k, q = j * stride - padding + t % k;
      if (r >= 0 && r < in.h && q >= 0 && q < in.w)
        y[s] += w[o * in.c * k * k + t] * x[at(in, t / (k * k), r, q)];
    }
  }
}

/* weight (I, O, K, K): input (i, j) adds to the outputs at stride (i, j) - padding + tap. */
static void conv_transpose2d(const Node *node, double *y, const double *x, const double *w) {
  Shape in = node->in, out = node->out;
  long k = (long)attr(node, "kernel"), stride = (long)attr(node, "stride");
  long padding = (long)attr(node, "padding"), taps = out.c * k * k;
  for (long s = 0; s < shape_size(out); s++)
    y[s] = bias(node, w, in.c * taps, s / (out.h * out.w));
  for (long s = 0; s < shape_size(in); s++)
    for (long t = 0; t < taps; t++) {
      long r = s / in.w % in.h * stride - padding + t / k % k;
      long q = s % in.w * stride - padding + t % k;
      if (r >= 0 && r < out.h && q >= 0 && q < out.w)
        y[at(out, t / (k * k), r, q)] += w[s / (in.h * in.w) * taps + t] * x[s];
    }
}

/* ---- pooling, upsampling ---- */

static void pool(const Node *node, double *y, const double *x, bool max) {
  Shape in = node->in, out = node->out;
  long k = (long)attr(node, "kernel"), stride = (long)attr(node, "stride");
  if (!stride) stride = k;
  for (long s = 0; s < shape_size(out); s++) {
    double best = -HUGE_VAL, sum = 0;
    for (long t = 0; t < k * k; t++) {
      double v = x[at(in, s / (out.h * out.w), s / out.w % out.h * stride + t / k,
                      s % out.w * stride + t % k)];
      best = fmax(best, v);
      sum += v;
    }
    y[s] = max ? best : sum / (double)(k * k);
  }
}

static void max_pool2d(const Node *node, double *y, const double *x, const double *w) {
  pool(node, y, x, true);
}

static void avg_pool2d(const Node *node, double *y, const double *x, const double *w) {
  pool(node, y, x, false);
}

/* How much output i draws from input k along one axis of n inputs: a triangle around its place.
 */
static double draws(const Node *node, long i, long k, long n) {
  double factor = attr(node, "factor"), place = (i + 0.5) / factor - 0.5;
  if (!attr(node, "mode")) return i / (long)factor == k;
  if (attr(node, "align_corners")) place = n == 1 ? 0 : (double)i * (n - 1) / (factor * n - 1);
  place = fmin(fmax(place, 0), (double)(n - 1));
  return fmax(0, 1 - fabs(place - (double)k));
}

static void upsample(const Node *node, double *y, const double *x, const double *w) {
  Shape in = node->in, out = node->out;
  for (long s = 0; s < shape_size(out); s++) {
    y[s] = 0;
    for (long t = 0; t < (long)in.h * in.w; t++)
      y[s] += draws(node, s / out.w % out.h, t / in.w, in.h) *
              draws(node, s % out.w, t % in.w, in.w) * x[s / (out.h * out.w) * in.h * in.w + t];
  }
}

/* ---- the rest ---- */

static double slope(const Node *node, const double *w) {
  if (!strcmp(node->op->name, "relu")) return 0;
  return strcmp(node->op->name, "prelu") ? attr(node, "slope") : w[0];
}

static void leaky(const Node *node, double *y, const double *x, const double *w) {
  for (long i = 0; i < shape_size(node->in); i++) y[i] = x[i] > 0 ? x[i] : slope(node, w) * x[i];
}

static void elu(const Node *node, double *y, const double *x, const double *w) {
  for (long i = 0; i < shape_size(node->in); i++)
    y[i] = x[i] > 0 ? x[i] : attr(node, "alpha") * expm1(x[i]);
}

static void sigmoid(const Node *node, double *y, const double *x, const double *w) {
  for (long i = 0; i < shape_size(node->in); i++) y[i] = 1 / (1 + exp(-x[i]));
}

static void hyperbolic(const Node *node, double *y, const double *x, const double *w) {
  for (long i = 0; i < shape_size(node->in); i++) y[i] = tanh(x[i]);
}

static void softplus(const Node *node, double *y, const double *x, const double *w) {
  for (long i = 0; i < shape_size(node->in); i++) y[i] = log1p(exp(x[i]));
}

static void copy(const Node *node, double *y, const double *x, const double *w) {
  memcpy(y, x, (size_t)shape_size(node->in) * sizeof *y);
}

/* The mean of mean and log variance. */
static void gaussian(const Node *node, double *y, const double *x, const double *w) {
  memcpy(y, x, (size_t)shape_size(node->out) * sizeof *y);
}

static void sphere(const Node *node, double *y, const double *x, const double *w) {
  double square = 0;
  for (long i = 0; i < shape_size(node->in); i++) square += x[i] * x[i];
  for (long i = 0; i < shape_size(node->in); i++) y[i] = x[i] / sqrt(square);
}

static const struct {
  const char *name;
  void (*layer)(const Node *node, double *y, const double *x, const double *w);
} table[] = {{"dense", dense},
             {"conv2d", conv2d},
             {"conv_transpose2d", conv_transpose2d},
             {"max_pool2d", max_pool2d},
             {"avg_pool2d", avg_pool2d},
             {"upsample", upsample},
             {"relu", leaky},
             {"leaky_relu", leaky},
             {"prelu", leaky},
             {"elu", elu},
             {"sigmoid", sigmoid},
             {"tanh", hyperbolic},
             {"softplus", softplus},
             {"linear", copy},
             {"reshape", copy},
             {"sphere", sphere},
             {"gaussian", gaussian}};

void reference_layer(const Node *node, double *y, const double *x, const double *w) {
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
    if (!strcmp(table[i].name, node->op->name)) {
      table[i].layer(node, y, x, w);
      return;
    }
  DIE("no reference of %s", node->op->name);
}

void reference_net(const Net *net, int from, int to, double *y, const double *x,
                   const double *w) {
  double *turn[2];
  for (int i = 0; i < 2; i++) turn[i] = calloc((size_t)net->widest, sizeof(double));
  for (int i = from; i < to; i++) {
    double *out = i + 1 == to ? y : turn[i % 2];
    reference_layer(&net->node[i], out, x, w + net->node[i].w_offset);
    x = out;
  }
  for (int i = 0; i < 2; i++) free(turn[i]);
}
