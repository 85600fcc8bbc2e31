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

/* Rows of a kernel, and zeros above the image: none in one dimension. */
static bool is_flat(const Node *node) { return strstr(node->op->name, "1d"); }

static long kernel_rows(const Node *node) {
  return is_flat(node) ? 1 : (long)attr(node, "kernel");
}

static long padding_rows(const Node *node) {
  return is_flat(node) ? 0 : (long)attr(node, "padding");
}

/* weight (O, I, K, K) */
static void conv(const Node *node, double *y, const double *x, const double *w) {
  Shape in = node->in, out = node->out;
  long k = (long)attr(node, "kernel"), stride = (long)attr(node, "stride");
  long left = (long)attr(node, "padding"), top = padding_rows(node);
  long window = k * kernel_rows(node);
  for (long s = 0; s < shape_size(out); s++) {
    long o = s / (out.h * out.w), i = s / out.w % out.h, j = s % out.w;
    y[s] = bias(node, w, out.c * in.c * window, o);
    for (long t = 0; t < in.c * window; t++) {
      long r = i * stride - top + t % window / k, q = j * stride - left + t % k;
      if (r >= 0 && r < in.h && q >= 0 && q < in.w)
        y[s] += w[o * in.c * window + t] * x[at(in, t / window, r, q)];
    }
  }
}

/* weight (I, O, K, K): input (i, j) adds to the outputs at stride (i, j) - padding + tap. */
static void conv_transpose(const Node *node, double *y, const double *x, const double *w) {
  Shape in = node->in, out = node->out;
  long k = (long)attr(node, "kernel"), stride = (long)attr(node, "stride");
  long left = (long)attr(node, "padding"), top = padding_rows(node);
  long window = k * kernel_rows(node), taps = out.c * window;
  for (long s = 0; s < shape_size(out); s++)
    y[s] = bias(node, w, in.c * taps, s / (out.h * out.w));
  for (long s = 0; s < shape_size(in); s++)
    for (long t = 0; t < taps; t++) {
      long r = s / in.w % in.h * stride - top + t % window / k;
      long q = s % in.w * stride - left + t % k;
      if (r >= 0 && r < out.h && q >= 0 && q < out.w)
        y[at(out, t / window, r, q)] += w[s / (in.h * in.w) * taps + t] * x[s];
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

/* ---- recurrent: weight_ih (G H, F), weight_hh (G H, H), bias_ih, bias_hh (G H) ---- */

static double logistic(double x) { return 1 / (1 + exp(-x)); }

/* Row `row` of w v + b, v's elements `stride` apart. */
static double row_of(const double *w, const double *b, const double *v, long row, long n,
                     long stride) {
  double sum = b[row];
  for (long i = 0; i < n; i++) sum += w[row * n + i] * v[i * stride];
  return sum;
}

/* New h (and c) of unit u from the parts ax of the input and ah of the state, by gate. */
static void gru_unit(double *h, double *c, const double *ax, const double *ah) {
  double r = logistic(ax[0] + ah[0]), z = logistic(ax[1] + ah[1]), n = tanh(ax[2] + r * ah[2]);
  *h = (1 - z) * n + z * *h;
}

static void lstm_unit(double *h, double *c, const double *ax, const double *ah) {
  *c = logistic(ax[1] + ah[1]) * *c + logistic(ax[0] + ah[0]) * tanh(ax[2] + ah[2]);
  *h = logistic(ax[3] + ah[3]) * tanh(*c);
}

static bool is_absent(const Node *node, const double *x) {
  for (long f = 0; f < node->in.c; f++)
    if (x[f * node->in.w] != 0) return false;
  return attr(node, "masked");
}

static void recurrent(const Node *node, double *y, const double *x, const double *w, long gates,
                      void (*unit)(double *, double *, const double *, const double *)) {
  long units = (long)attr(node, "units"), features = node->in.c, points = node->in.w;
  long rows = gates * units, all = attr(node, "returns") ? points : 1;
  const double *hh = w + rows * features, *b_ih = hh + rows * units, *b_hh = b_ih + rows;
  double h[64] = {0}, c[64] = {0}, before[64], ax[4], ah[4];
  for (long k = 0; k < points; k++) {
    long p = attr(node, "reverse") ? points - 1 - k : k;
    bool absent = is_absent(node, x + p);
    memcpy(before, h, sizeof h);
    for (long u = 0; u < units && !absent; u++) {
      for (long g = 0; g < gates; g++) {
        ax[g] = row_of(w, b_ih, x + p, g * units + u, features, points);
        ah[g] = row_of(hh, b_hh, before, g * units + u, units, 1);
      }
      unit(&h[u], &c[u], ax, ah);
    }
    for (long u = 0; u < units; u++)
      y[u * all + (all > 1 ? p : 0)] = all > 1 && absent ? 0 : h[u];
  }
}

static void gru(const Node *node, double *y, const double *x, const double *w) {
  recurrent(node, y, x, w, 3, gru_unit);
}

static void lstm(const Node *node, double *y, const double *x, const double *w) {
  recurrent(node, y, x, w, 4, lstm_unit);
}

static void repeat(const Node *node, double *y, const double *x, const double *w) {
  for (long i = 0; i < shape_size(node->out); i++) y[i] = x[i / node->out.w];
}

/* ---- sets of points ---- */

static bool is_there(Shape in, const double *x, long t) {
  bool there = false;
  for (long f = 0; f < in.c; f++) there |= x[f * in.w + t] != 0;
  return there;
}

/* How many present points are nearer to i than j is, i itself being the nearest. */
static long rank_of(Shape in, const double *x, long i, long j) {
  long rank = 0;
  const double *eta = x + in.w, *phi = eta + in.w;
  double far = hypot(eta[j] - eta[i], phi[j] - phi[i]);
  if (i == j) return 0;
  for (long k = 0; k < in.w; k++) {
    double d = hypot(eta[k] - eta[i], phi[k] - phi[i]);
    rank += is_there(in, x, k) && k != i && (d < far || (d == far && k < j));
  }
  return rank + 1;
}

/* Row o of the weight on [x_i, x_j - x_i], leaked. */
static double edge(const Node *node, const double *x, const double *w, long o, long i, long j) {
  long n = node->in.c, points = node->in.w;
  double v = bias(node, w, (long)attr(node, "channels") * 2 * n, o);
  for (long f = 0; f < n; f++)
    v += w[o * 2 * n + f] * x[f * points + i] +
         w[o * 2 * n + n + f] * (x[f * points + j] - x[f * points + i]);
  return v > 0 ? v : attr(node, "slope") * v;
}

static void edge_conv(const Node *node, double *y, const double *x, const double *w) {
  long points = node->in.w, first = attr(node, "coordinates") ? 3 : 0;
  memcpy(y, x, (size_t)(first * points) * sizeof *y);
  for (long s = 0; s < (long)attr(node, "channels") * points; s++) {
    long o = s / points, i = s % points, n = 0;
    double best = -HUGE_VAL, sum = 0;
    for (long j = 0; j < points && is_there(node->in, x, i); j++) {
      if (!is_there(node->in, x, j) || rank_of(node->in, x, i, j) >= attr(node, "neighbours"))
        continue;
      double v = edge(node, x, w, o, i, j);
      best = fmax(best, v), sum += v, n++;
    }
    y[first * points + s] = n == 0 ? 0 : attr(node, "pooling") ? sum / (double)n : best;
  }
}

/* pooling: 0 mean, 1 max, 2 sum */
static void pool_points(const Node *node, double *y, const double *x, const double *w) {
  for (long c = 0; c < node->in.c; c++) {
    double best = 0, sum = 0, weights = 0;
    bool any = false;
    for (long t = 0; t < node->in.w; t++) {
      if (!is_there(node->in, x, t)) continue;
      double weight = attr(node, "weighted") ? x[t] : 1, v = x[c * node->in.w + t];
      best = any ? fmax(best, v) : v, any = true;
      sum += weight * v, weights += weight;
    }
    double mean = weights > 0 ? sum / weights : 0;
    y[c] = attr(node, "pooling") == 1 ? best : attr(node, "pooling") == 2 ? sum : mean;
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
             {"conv2d", conv},
             {"conv1d", conv},
             {"conv_transpose2d", conv_transpose},
             {"conv_transpose1d", conv_transpose},
             {"gru", gru},
             {"lstm", lstm},
             {"repeat", repeat},
             {"edge_conv", edge_conv},
             {"pool_points", pool_points},
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
