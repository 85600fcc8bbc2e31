/* Chamfer distances between two sets of points (arXiv 1612.00603, section 3.2.1), as means
 * instead of sums, so that it matters little how many points there are: with
 *   m_i = min over j of |x_i - y_j|^2,   n_j = min over present i of |x_i - y_j|^2
 * over all features,
 *   d(x, y) = sum_i p_i m_i / sum_i p_i + sum_j q_j n_j / sum_j q_j.
 * chamfer: p_i = 1 for present points, q_j = 1 for all points of y.
 * chamfer_pt: p_i = x_i0, q_j = y_j0, the pT shares (first features) where they are above 0.
 * A sum of no weights counts as no distance. The gradient is that of the pairs as they are
 * matched; it has jumps, so there is none for chains. */
#include "obj/distance.h"
#include "obj/nearest.h"

extern const Distance distance_chamfer, distance_chamfer_pt;

/* One lane. */
typedef struct Match {
  int points;
  bool by_pt;
  double x_weight[NEAREST_POINTS], y_weight[NEAREST_POINTS]; /* shares: they sum up to 1 or 0 */
  double y_total;                                            /* sum of q_j */
  double y_mean;                                             /* the second part of d */
} Match;

static bool present(const Nearest *n, int t, int l) { return n->present[t] >> l & 1; }

/* Weights to shares; returns their sum. */
static double to_shares(double *weight, int points) {
  double sum = 0;
  for (int t = 0; t < points; t++) sum += weight[t];
  for (int t = 0; t < points; t++) weight[t] = sum > 0 ? weight[t] / sum : 0;
  return sum;
}

static double positive(float v) { return v > 0 ? (double)v : 0; }

static void weigh(Match *m, const Nearest *n, const float *y, const float *x, int l) {
  bool any = false;
  for (int t = 0; t < m->points; t++) any |= present(n, t, l);
  for (int t = 0; t < m->points; t++) {
    m->x_weight[t] = !present(n, t, l) ? 0 : m->by_pt ? positive(x[t * L + l]) : 1;
    m->y_weight[t] = !any ? 0 : m->by_pt ? positive(y[t * L + l]) : 1;
  }
  to_shares(m->x_weight, m->points);
  m->y_total = to_shares(m->y_weight, m->points);
}

/* Points without weight may be at infinite distance. */
static double mean(const double *weight, const float *square, int points, int l) {
  double sum = 0;
  for (int t = 0; t < points; t++)
    if (weight[t] > 0) sum += weight[t] * (double)square[t * L + l];
  return sum;
}

/* Gradient to feature f of y, which may lie where dy goes. */
static void gradient(const Match *m, const Nearest *n, float *dy, const float *y, const float *x,
                     int f, int l) {
  double g[NEAREST_POINTS];
  for (int j = 0; j < m->points; j++) {
    long i = (long)n->y_which[j * L + l];
    g[j] = 2 * m->y_weight[j] * ((double)y[j * L + l] - (double)x[i * L + l]);
    if (f == 0 && m->by_pt && m->y_weight[j] > 0)
      g[j] += ((double)n->y_square[j * L + l] - m->y_mean) / m->y_total;
  }
  for (int i = 0; i < m->points; i++) {
    long j = (long)n->x_which[i * L + l];
    g[j] += 2 * m->x_weight[i] * ((double)y[j * L + l] - (double)x[i * L + l]);
  }
  for (int j = 0; j < m->points; j++) dy[j * L + l] = (float)g[j];
}

static void eval(double d[L], float *dy, const float *y, const float *x, Shape shape,
                 bool by_pt) {
  Nearest nearest;
  Match match = {.points = shape.w, .by_pt = by_pt};
  nearest_finder()->find(&nearest, y, x, shape);
  for (int l = 0; l < L; l++) {
    weigh(&match, &nearest, y, x, l);
    match.y_mean = mean(match.y_weight, nearest.y_square, shape.w, l);
    d[l] = mean(match.x_weight, nearest.x_square, shape.w, l) + match.y_mean;
    for (int f = 0; dy && f < shape.c; f++) {
      long at = (long)f * shape.w * L;
      gradient(&match, &nearest, dy + at, y + at, x + at, f, l);
    }
  }
}

static void chamfer(double d[L], float *dy, const float *y, const float *x, Shape shape) {
  eval(d, dy, y, x, shape, false);
}

static void chamfer_pt(double d[L], float *dy, const float *y, const float *x, Shape shape) {
  eval(d, dy, y, x, shape, true);
}

static Err check(Shape shape) {
  if (shape.h == 1 && shape.w <= NEAREST_POINTS) return OK;
  return err_user("found samples of %d x %d x %d, want sets of at most %d points: features x 1 x "
                  "points",
                  shape.c, shape.h, shape.w, NEAREST_POINTS);
}

const Distance distance_chamfer = {
    .name = "chamfer",
    .help = "sets of points: mean squared distance to the nearest point of the other set",
    .points = true,
    .eval = chamfer,
    .check = check};
const Distance distance_chamfer_pt = {.name = "chamfer_pt",
                                      .help = "the same, points counting by their pT share",
                                      .points = true,
                                      .eval = chamfer_pt,
                                      .check = check};
